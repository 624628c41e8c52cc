//! The story: four things that happen to a fleet, each looked up on the clusters, and the log of it all.

use gateway::wire::{Sync, TargetStatus};
use serde_json::{Value, json};

use super::{
    cluster::Clusters,
    files::{CLUSTERS, SHOP},
    stage::Stage,
};
use crate::{exit::Exit, problem::Problem};

const SETTINGS: &str = "/api/v1/namespaces/shop/configmaps/settings";
const WEB: &str = "/apis/apps/v1/namespaces/shop/deployments/web";
/// The collections that the shop's objects are in.
const COLLECTIONS: [&str; 5] = [
    "/api/v1/namespaces/shop/configmaps",
    "/api/v1/namespaces/shop/secrets",
    "/api/v1/namespaces/shop/services",
    "/api/v1/namespaces/shop/serviceaccounts",
    "/apis/apps/v1/namespaces/shop/deployments",
];

/// Tells it all.
pub async fn tell(stage: &mut Stage) -> Result<(), Problem> {
    stage
        .teller
        .title("driftless demo", "· three simulated clusters, one Git repository, all in this process");
    applied(stage).await?;
    healed(stage).await?;
    guarded(stage).await?;
    reverted(stage).await?;
    logged(stage).await?;
    Ok(())
}

async fn applied(stage: &mut Stage) -> Result<(), Problem> {
    stage.teller.chapter("A commit is applied everywhere");
    let commit = stage.commit("ada", "open the shop")?.to_string();
    let (took, all) = stage.until("the first commit is applied", |shop| settled_at(shop, &commit)).await?;
    for (cluster, shop) in &all {
        stage.teller.good(cluster, &format!("in sync and healthy, {} objects", shop.objects), Some(took));
    }
    check(stage, "colour: blue, 3 replicas of web", |stage, cluster| {
        let (colour, replicas) = looks(&stage.clusters, cluster)?;
        Ok(colour == "blue" && replicas == 3 && objects(stage, cluster)?.len() >= 12)
    })
}

async fn healed(stage: &mut Stage) -> Result<(), Problem> {
    stage.teller.chapter("Somebody edits by hand");
    stage.teller.act("bob", "kubectl edit on us-1: colour red, web scaled to 0");
    let began = tokio::time::Instant::now();
    stage.clusters.edit("us-1", SETTINGS, &json!({"data": {"colour": "red"}}))?;
    stage.clusters.edit("us-1", WEB, &json!({"spec": {"replicas": 0}}))?;
    for field in ["data.colour", "spec.replicas"] {
        let says =
            |entry: &gateway::wire::Entry| entry.event == "DriftDetected" && entry.text.contains(field);
        let entry = stage.until_logged("us-1", says).await?;
        let told = entry.text.split("; ").find(|part| part.contains(field)).unwrap_or_default();
        stage.teller.found("us-1", &format!("drifted: {told}"));
    }
    let clusters = stage.clusters.clone();
    let open = move || looks(&clusters, "us-1").is_ok_and(|looks| looks == ("blue".to_owned(), 3));
    stage
        .until("the heal", move |shop| shop.sync == Sync::InSync && shop.health == "Healthy" && open())
        .await?;
    stage.teller.good("us-1", "healed", Some(began.elapsed()));
    check(stage, "colour: blue, 3 replicas of web", |stage, cluster| {
        Ok(looks(&stage.clusters, cluster)? == ("blue".to_owned(), 3))
    })
}

async fn guarded(stage: &mut Stage) -> Result<(), Problem> {
    stage.teller.chapter("A commit deletes most of the shop");
    let before = all_objects(stage)?;
    let whole = stage.files.clone();
    stage.files.retain(|path, _| !path.starts_with("shop/") || path == "shop/settings.yaml");
    let commit = stage.commit("eve", "clean up")?.to_string();
    let refused = |shop: &TargetStatus| {
        let guard = shop.problem.as_ref().is_some_and(|problem| problem.code.starts_with("GUARD-"));
        guard && shop.desired.as_deref() == Some(commit.as_str())
    };
    let (_, all) = stage.until("the guard refuses it", refused).await?;
    for (cluster, shop) in &all {
        let problem = shop.problem.as_ref().map(|problem| format!("{}: {}", problem.code, problem.message));
        stage.teller.found(cluster, &format!("refused: {}", problem.unwrap_or_default()));
    }
    stage.files = whole;
    check(stage, "nothing was deleted", |stage, _| Ok(all_objects(stage)? == before))
}

async fn reverted(stage: &mut Stage) -> Result<(), Problem> {
    stage.teller.chapter("A revert, and all is as it was");
    let before = all_objects(stage)?;
    let commit = stage.commit("ada", "revert \"clean up\"")?.to_string();
    let (took, all) = stage
        .until("the revert is in sync", |shop| settled_at(shop, &commit) && shop.problem.is_none())
        .await?;
    for cluster in all.keys() {
        stage.teller.good(cluster, "in sync, nothing to do", Some(took));
    }
    check(stage, "the same objects, untouched", |stage, _| Ok(all_objects(stage)? == before))
}

async fn logged(stage: &mut Stage) -> Result<(), Problem> {
    stage.teller.chapter("Who changed what, from the log (us-1)");
    let entries = stage.log(Some("us-1"), "200").await?;
    let told = ["RevisionObserved", "SyncFinished", "DriftDetected", "PlanRefused"];
    let entries: Vec<_> = entries.into_iter().filter(|entry| told.contains(&entry.event.as_str())).collect();
    for entry in &entries {
        let time = entry.time.get(11..23).unwrap_or(&entry.time);
        stage.teller.act(&format!("{time}  {:<16}", entry.event), &entry.text);
    }
    match entries.iter().filter(|entry| entry.event == "RevisionObserved").count() {
        3.. => Ok(()),
        count => Err(not_so(&format!("the log has {count} revisions, and there were three"))),
    }
}

/// In sync at a commit, or at an earlier one with the same files, and healthy.
fn settled_at(shop: &TargetStatus, commit: &str) -> bool {
    shop.sync == Sync::InSync && shop.health == "Healthy" && shop.desired.as_deref() == Some(commit)
}

/// Looks it up on every cluster, and says so.
fn check(
    stage: &Stage,
    what: &str,
    holds: impl Fn(&Stage, &str) -> Result<bool, Problem>,
) -> Result<(), Problem> {
    for cluster in CLUSTERS {
        if !holds(stage, cluster)? {
            return Err(not_so(&format!("{what}: not on {cluster}")));
        }
    }
    stage.teller.detail(&format!("looked up on all three: {what}"));
    Ok(())
}

fn not_so(what: &str) -> Problem {
    Problem::new("DEMO", what, "report it as a bug").ending(Exit::Failed)
}

/// What a visitor of the shop sees: its colour, and how many are there to serve.
fn looks(clusters: &Clusters, cluster: &str) -> Result<(String, i64), Problem> {
    let settings = clusters.get(cluster, SETTINGS)?.unwrap_or_default();
    let web = clusters.get(cluster, WEB)?.unwrap_or_default();
    let colour = settings["data"]["colour"].as_str().unwrap_or_default().to_owned();
    Ok((colour, web["spec"]["replicas"].as_i64().unwrap_or(-1)))
}

/// The shop's objects on a cluster: path, uid and generation.
fn objects(stage: &Stage, cluster: &str) -> Result<Vec<String>, Problem> {
    let mut found = vec![];
    for collection in COLLECTIONS {
        let list = stage.clusters.get(cluster, collection)?.unwrap_or_default();
        let ours = |item: &&Value| item["metadata"]["labels"]["driftless.dev/application"] == SHOP;
        let all = list["items"].as_array().cloned().unwrap_or_default();
        for item in all.iter().filter(ours) {
            let meta = &item["metadata"];
            found.push(format!("{collection}/{} {} {}", meta["name"], meta["uid"], meta["generation"]));
        }
    }
    Ok(found)
}

fn all_objects(stage: &Stage) -> Result<Vec<String>, Problem> {
    let mut all = vec![];
    for cluster in CLUSTERS {
        all.extend(objects(stage, cluster)?);
    }
    Ok(all)
}
