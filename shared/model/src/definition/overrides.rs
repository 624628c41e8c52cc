//! What is different for some clusters of an application.

use serde::{Deserialize, Serialize};

use crate::{
    Application, Cluster,
    definition::{Rendering, Selector},
};

/// What is different for some clusters of an application. Clusters for which the same comes out share a render.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Override {
    /// Which clusters, among those that the application goes to.
    pub targets: Selector,
    /// Another folder of the source.
    pub path: Option<String>,
    /// Further values files of a chart, after those of the application.
    pub values_files: Vec<String>,
    /// Further inline values of a chart, after those of the application. Empty: none.
    pub values: String,
}

impl Override {
    /// Why it cannot be one of an application that is rendered so, in a few words; `None` if it can.
    pub fn problem(&self, rendering: &Rendering) -> Option<String> {
        let of_chart = !self.values_files.is_empty() || !self.values.is_empty();
        if self.path.is_none() && !of_chart {
            return Some("it says nothing".to_owned());
        }
        match rendering {
            Rendering::Detect | Rendering::Plain(_) | Rendering::Kustomize if of_chart => {
                Some("values are for an application that names helm".to_owned())
            }
            Rendering::Detect | Rendering::Plain(_) | Rendering::Kustomize | Rendering::Helm(_) => None,
        }
    }
}

impl Application {
    /// The application as it is on one cluster: with what is different there, and no overrides left.
    pub fn on(&self, cluster: &Cluster) -> Self {
        let mut here = Self { overrides: Vec::new(), ..self.clone() };
        for different in self.overrides.iter().filter(|different| different.targets.selects(cluster)) {
            if let Some(path) = &different.path {
                here.source.path.clone_from(path);
            }
            match &mut here.rendering {
                Rendering::Detect | Rendering::Plain(_) | Rendering::Kustomize => {}
                Rendering::Helm(helm) => {
                    helm.values_files.extend_from_slice(&different.values_files);
                    helm.values_overlays
                        .extend(Some(&different.values).filter(|values| !values.is_empty()).cloned());
                }
            }
        }
        here
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::Helm;

    fn cluster(region: &str) -> Cluster {
        let text = format!(
            r#"{{"name": "a", "labels": {{"region": "{region}"}}, "kubeconfig": {{"file": null, "context": null}}}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    fn application(overrides: &str) -> Application {
        let text = format!(
            r#"{{"name": "shop", "source": {{"name": "shop", "path": "chart"}}, "overrides": {overrides},
                "rendering": {{"helm": {{"valuesFiles": ["a.yaml"], "values": "a: 1"}}}}}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn what_is_different_on_a_cluster_is_put_after_what_is_common() {
        let shop = application(
            r#"[{"path": "all", "values": "b: 1"},
                {"targets": {"matchLabels": {"region": "eu"}}, "path": "eu", "valuesFiles": ["eu.yaml"], "values": "b: 2"}]"#,
        );
        let eu = shop.on(&cluster("eu"));
        assert_eq!((eu.source.path.as_str(), eu.overrides.len()), ("eu", 0));
        let helm = |files: &[&str], overlays: &[&str]| {
            let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
            Rendering::Helm(Helm {
                values_files: owned(files),
                values: "a: 1".into(),
                values_overlays: owned(overlays),
                ..Helm::default()
            })
        };
        assert_eq!(eu.rendering, helm(&["a.yaml", "eu.yaml"], &["b: 1", "b: 2"]));
        let us = shop.on(&cluster("us"));
        assert_eq!((us.source.path.as_str(), us.rendering), ("all", helm(&["a.yaml"], &["b: 1"])));
        let plain = Application { overrides: vec![], ..shop };
        assert_eq!(plain.on(&cluster("eu")), plain);
    }

    #[test]
    fn impossible_overrides_are_named() {
        let values = || Override { values: "a: 1".into(), ..Override::default() };
        let path = || Override { path: Some("x".into()), ..Override::default() };
        let helm = || Rendering::Helm(Helm::default());
        for (different, rendering, problem) in [
            (path(), Rendering::Detect, None),
            (path(), helm(), None),
            (values(), helm(), None),
            (values(), Rendering::Kustomize, Some("values are for")),
            (values(), Rendering::Detect, Some("values are for")),
            (Override::default(), helm(), Some("it says nothing")),
        ] {
            let found = different.problem(&rendering);
            assert_eq!(found.is_some(), problem.is_some(), "{different:?}");
            assert!(found.unwrap_or_default().starts_with(problem.unwrap_or_default()));
        }
    }
}
