//! What others do on clusters.

use http::Method;
use serde_json::{Value, json};

use crate::{repository::NAMESPACE, rest::MAPS, site::Site, world::World};

/// How often one object is edited at most: a sixth heal in a row is contested, and then people are asked.
const EDITS_MAX: usize = 4;

/// Some deed on some cluster.
pub fn meddle(world: &mut World) {
    let sites: Vec<_> = world.sites.values().cloned().collect();
    let Some(site) = world.dice.pick(&sites) else { return };
    match world.dice.among(0..12) {
        0 => return obstruct(world, site),
        1 => return site.with(kubesim::Cluster::compact),
        2 => return back_up_or_restore(world, site),
        3 => return clear_the_way(world, site),
        _ => {}
    }
    let maps = site.list(MAPS);
    let Some(map) = world.dice.pick(&maps) else { return };
    let name = map["metadata"]["name"].as_str().unwrap_or_default();
    let path = format!("{MAPS}/{name}");
    if site.is_foreign(map["metadata"]["uid"].as_str().unwrap_or_default()) {
        return;
    }
    match world.dice.among(0..6) {
        0 | 1 => drop(site.act("hands", Method::DELETE, &path, &Value::Null)),
        2 => {
            let unlabelled = json!({"metadata": {"labels": {"driftless.dev/application": null}}});
            patch(world, site, &path, &unlabelled);
        }
        3 => patch(world, site, &path, &json!({"data": {"added": "by hand"}})),
        _ => patch(world, site, &path, &json!({"data": {"a": world.dice.among(0..1000).to_string()}})),
    }
}

fn patch(world: &mut World, site: &Site, path: &str, patch: &Value) {
    let edits = world.edits.entry(format!("{}{path}", site.name)).or_default();
    *edits += 1;
    if *edits <= EDITS_MAX {
        site.act("hands", Method::PATCH, path, patch);
    }
}

/// Somebody has something of the name that Git is about to want.
fn obstruct(world: &mut World, site: &Site) {
    let mut git = world.git();
    git.commits += 1;
    let all: Vec<String> = git.applications.keys().cloned().collect();
    let Some(application) = world.dice.pick(&all) else { return };
    let map = format!("map-{}", git.commits);
    let body = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": map},
        "data": {"owner": "somebody", "a": "theirs"}});
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}});
    site.act("somebody", Method::POST, "/api/v1/namespaces", &namespace);
    let (code, made) = site.act("somebody", Method::POST, MAPS, &body);
    if code == 201 {
        site.note_foreign(&made);
        let data = [("a".to_owned(), "ours".to_owned())].into();
        if let Some(application) = git.applications.get_mut(application) {
            application.maps.insert(map, data);
        }
    }
}

/// Somebody takes away what was in the way.
fn clear_the_way(world: &World, site: &Site) {
    let theirs = |map: &&Value| site.is_foreign(map["metadata"]["uid"].as_str().unwrap_or_default());
    let maps = site.list(MAPS);
    let theirs: Vec<&Value> = maps.iter().filter(theirs).collect();
    if let Some(map) = world.dice.pick(&theirs) {
        let path = format!("{MAPS}/{}", map["metadata"]["name"].as_str().unwrap_or_default());
        site.act("somebody", Method::DELETE, &path, &Value::Null);
    }
}

fn back_up_or_restore(world: &mut World, site: &Site) {
    let name = site.name.to_string();
    let Some(backup) = world.backups.remove(&name) else {
        world.trace.tell("somebody", format!("backs {name} up"));
        world.backups.insert(name, site.lock().clone());
        return;
    };
    world.trace.tell("somebody", format!("restores {name}"));
    site.restore(backup, world.dice.number());
}
