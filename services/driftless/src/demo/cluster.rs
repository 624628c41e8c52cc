//! A simulated cluster, as the story's people see it: by requests, like anybody.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use kubesim::{Answer, Simulator};
use serde_json::{Value, json};

use crate::problem::Problem;

/// How often the part of the controllers is played: pods come up while one looks.
const PLAY: Duration = Duration::from_millis(100);

/// The clusters of the story.
#[derive(Clone)]
pub struct Clusters(pub Arc<Simulator>);

impl Clusters {
    /// The object at a path, if it is there.
    pub fn get(&self, cluster: &str, path: &str) -> Result<Option<Value>, Problem> {
        match self.ask(cluster, "GET", path, None)? {
            (200, object) => Ok(Some(object)),
            (404, _) => Ok(None),
            (status, answer) => Err(strange(&format!("GET {path} on {cluster}: {status} {answer}"))),
        }
    }

    /// What somebody with `kubectl edit` does to an object.
    pub fn edit(&self, cluster: &str, path: &str, patch: &Value) -> Result<(), Problem> {
        let path = format!("{path}?fieldManager=kubectl-edit");
        match self.ask(cluster, "PATCH", &path, Some(patch))? {
            (200, _) => Ok(()),
            (status, answer) => Err(strange(&format!("PATCH {path} on {cluster}: {status} {answer}"))),
        }
    }

    fn ask(
        &self,
        cluster: &str,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(u16, Value), Problem> {
        let bytes = body.map(ToString::to_string).unwrap_or_default();
        let request = http::Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", "application/merge-patch+json")
            .body(bytes.into())
            .map_err(|error| strange(&error.to_string()))?;
        let answer = self.0.with(cluster, |cluster| cluster.handle(&request, Timestamp::now()));
        match answer.ok_or_else(|| strange(&format!("there is no cluster {cluster}")))? {
            Answer::Whole(answer) => {
                let document = serde_json::from_slice(answer.body()).unwrap_or_default();
                Ok((answer.status().as_u16(), document))
            }
            Answer::Watch(_) => Err(strange("a watch was not asked for")),
        }
    }

    /// Plays the part of the controllers that a simulated cluster has none of: every Deployment gets its pods.
    pub async fn play_controllers(self, names: &[&str]) {
        let mut ticks = tokio::time::interval(PLAY);
        loop {
            ticks.tick().await;
            for cluster in names {
                if let Err(problem) = self.bring_up(cluster) {
                    tracing::warn!(?problem, "the part of the controllers could not be played");
                }
            }
        }
    }

    fn bring_up(&self, cluster: &str) -> Result<(), Problem> {
        let list = self.get(cluster, "/apis/apps/v1/deployments")?.unwrap_or_default();
        for deployment in list["items"].as_array().into_iter().flatten() {
            let (meta, replicas) = (&deployment["metadata"], &deployment["spec"]["replicas"]);
            let done = &deployment["status"];
            if done["observedGeneration"] == meta["generation"] && done["availableReplicas"] == *replicas {
                continue;
            }
            let status = json!({"status": {
                "observedGeneration": meta["generation"], "replicas": replicas, "updatedReplicas": replicas,
                "readyReplicas": replicas, "availableReplicas": replicas,
                "conditions": [{"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable"}],
            }});
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let path = format!(
                "/apis/apps/v1/namespaces/{}/deployments/{}/status?fieldManager=kube-controller-manager",
                text(&meta["namespace"]),
                text(&meta["name"])
            );
            self.ask(cluster, "PATCH", &path, Some(&status))?;
        }
        Ok(())
    }
}

fn strange(what: &str) -> Problem {
    Problem::new(
        "DEMO",
        format!("the simulator did not do what a cluster does: {what}"),
        "report it as a bug",
    )
}
