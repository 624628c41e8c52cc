//! What the commands that only ask tell, on a terminal and as documents, of one platform.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
};

use serde_json::{Value, json};
use testkit::eventually;

use crate::{
    api::core,
    platform::{BOUND, Platform, definitions},
    scene::Scene,
    shop,
};

impl Platform<'_> {
    /// The document that a command tells.
    fn document(&self, words: &[&str]) -> Value {
        let told = self.ask(&[words, &["-o", "json"]].concat());
        assert_eq!(told.exit, 0, "{told}");
        let document: Value =
            serde_json::from_str(&told.out).unwrap_or_else(|error| panic!("{error}: {told}"));
        assert_eq!(document["version"], 1, "{document}");
        document
    }

    fn text(&self, words: &[&str]) -> String {
        let told = self.ask(words);
        assert_eq!(told.exit, 0, "{told}");
        told.out
    }

    /// Whether that name is the one by which this process goes in the log.
    fn names_itself(&self, evaluated: &Value) -> bool {
        evaluated["by"].as_str().is_some_and(|by| self.is(by))
    }
}

#[tokio::test]
async fn every_verdict_says_how_old_it_is_and_whose_it_is() {
    let scene = Scene::new();
    let first = scene.repository.commit(&shop::FILES);
    let platform = Platform::up(&scene, &[]).await;
    platform.until("evaluated", |it| it["evaluated"]["state"] == "Fresh" && it["sync"] == "InSync").await;

    let status = &platform.document(&["status"])["targets"][0];
    assert!(
        platform.names_itself(&status["evaluated"]) && status["evaluated"]["seconds"].is_u64(),
        "{status}"
    );
    let wide = platform.text(&["status", "-o", "wide"]);
    let rows: Vec<Vec<&str>> = wide.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0][rows[0].len() - 2..], ["EVALUATED", "BY"], "{wide}");
    assert!(platform.is(rows[1].last().unwrap()), "{wide}");
    let age = rows[0].iter().position(|name| *name == "AGE").unwrap();
    assert!(rows[1][age].ends_with('s') || rows[1][age].ends_with('m'), "{wide}");

    let target = format!("eu/{}", scene.name);
    let described = platform.document(&["describe", &target]);
    assert!(platform.names_itself(&described["status"]["evaluated"]), "{described}");
    assert_eq!(described["status"]["revision"], first.as_str());
    let text = platform.text(&["describe", &target]);
    let looked = text.lines().find(|line| line.starts_with("evaluated")).unwrap();
    let (age, by) = looked.split_once(" ago by ").unwrap_or_else(|| panic!("{text}"));
    assert!(age.ends_with('s') && platform.is(by), "{text}");

    for (kind, name) in [("sources", "shop"), ("clusters", "eu"), ("applications", scene.name.as_str())] {
        let told = async || {
            let list = platform.document(&["get", kind]);
            let evaluated = &list[kind][0]["evaluated"];
            (platform.names_itself(evaluated) && evaluated["state"] == "Fresh").then_some(list)
        };
        let list = eventually(BOUND, "who looked", told).await;
        let table = platform.text(&["get", kind]);
        assert!(table.lines().next().unwrap().contains(" AGE "), "{table}");
        assert_eq!((&list[kind][0]["name"], &list["unread"]), (&json!(name), &Value::Null), "{list}");
        if kind != "sources" {
            let counts = &list[kind][0]["targets"];
            assert_eq!(
                (&counts["all"], &counts["in_sync"], &counts["stale"]),
                (&json!(1), &json!(1), &json!(0))
            );
        }
    }
    let log = platform.document(&["log", &scene.name]);
    let entries = log["entries"].as_array().unwrap();
    let events: Vec<&str> = entries.iter().map(|entry| entry["event"].as_str().unwrap()).collect();
    let at =
        |name: &str| events.iter().position(|event| *event == name).unwrap_or_else(|| panic!("{events:?}"));
    assert!(
        at("RevisionObserved") < at("SyncPlanned") && at("SyncPlanned") < at("SyncFinished"),
        "{events:?}"
    );
    for (word, paused) in [("pause", true), ("resume", false)] {
        let noted =
            json!([{"cluster": "eu", "application": scene.name, "outcome": "Noted", "problem": null}]);
        let document = platform.document(&[word, &scene.name]);
        assert_eq!((&document["targets"], &document["failure"]), (&noted, &Value::Null));
        assert_eq!(platform.status()["paused"].is_string(), paused);
    }
}

/// A command that goes on, line by line.
struct Going {
    process: Child,
    lines: Receiver<String>,
}

impl Going {
    fn of(mut run: Command) -> Self {
        let mut process = run.stdout(Stdio::piped()).spawn().unwrap();
        let (told, lines) = channel();
        let output = BufReader::new(process.stdout.take().unwrap());
        thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| told.send(line)));
        Self { process, lines }
    }

    /// The next line of which that is true.
    fn until(&self, what: &str, is: impl Fn(&str) -> bool) -> String {
        loop {
            let line = self.lines.recv_timeout(BOUND).unwrap_or_else(|_| panic!("no line is told: {what}"));
            if is(&line) {
                return line;
            }
        }
    }
}

#[tokio::test]
async fn who_watches_is_told_each_change_until_the_platform_ends() {
    let scene = Scene::new();
    let first = scene.repository.commit(&shop::FILES);
    let mut definitions = definitions(&scene);
    definitions["applications"][0]["sync"]["selfHeal"] = json!(false);
    let platform = Platform::of(&scene, definitions, &[]).await;
    platform.in_sync_at(&first).await;
    let watch = |options: &[&str]| {
        let mut run = scene.bare();
        run.args(["status", &scene.name, "--watch", "--server", &platform.server]).args(options);
        Going::of(run)
    };
    let (mut text, mut json) = (watch(&[]), watch(&["-o", "json"]));
    let line = text.until("the state now", |line| line.contains("InSync"));
    assert!(line.starts_with("eu ") && line.contains(&first[..8]), "{line}");
    json.until("the state now", |line| serde_json::from_str::<Value>(line).unwrap()["sync"] == "InSync");

    scene.api.edit(&core(&scene.name, "configmaps", "settings"), json!({"data": {"colour": "by hand"}}));
    text.until("the drift", |line| line.contains("Drifted"));
    let line = json.until("the drift", |line| line.contains(r#""sync":"Drifted""#));
    let status: Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&status["drifted"], &status["revision"]), (&json!(1), &json!(first)), "{status}");
    assert_eq!(platform.stop(), 0);
    for going in [&mut text, &mut json] {
        assert_eq!(going.process.wait().unwrap().code(), Some(1), "the platform ended");
    }
}

/// Ctrl-C on a terminal ends it as SIGTERM does; and unless somebody asks for more, only this machine reaches it.
#[tokio::test]
async fn an_interrupted_platform_ends_in_order() {
    let scene = Scene::new();
    let first = scene.repository.commit(&shop::FILES);
    let platform = Platform::up(&scene, &[]).await;
    platform.in_sync_at(&first).await;
    assert_eq!(platform.stop_by("-INT"), 0);
    let mut help = scene.bare();
    help.args(["up", "--help"]);
    assert!(crate::scene::told(help).out.contains("[default: 127.0.0.1:8620]"));
}

#[tokio::test]
async fn where_nothing_is_defined_status_says_why() {
    let scene = Scene::new();
    let no_repository = scene.folder().join("tmp").display().to_string();
    let platform = Platform::with(&scene, &["--fleet", &no_repository]).await;
    let told = async || Some(platform.text(&["status"])).filter(|text| text.contains("GIT-"));
    let text = eventually(BOUND, "the reason", told).await;
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!((lines[0], lines.len()), ("no targets", 3), "{text}");
    assert!(
        lines[1].starts_with("source driftless-fleet: GIT-") && lines[2].starts_with("  help: "),
        "{text}"
    );
}
