//! The result of a run, on standard output.

use diff::{Change, FieldChange, Scope, Style, field_diff, render_diff};
use events::state::{AppliedObject, ObjectOutcome, Origin};
use model::definition::GuardedKind;
use plan::{ObjectPreview, Preview, PreviewChange};
use serde_json::{Value, json};

use super::{
    Ended,
    story::{Story, counted},
};
use crate::{
    cli::Output,
    exit::Exit,
    problem::{DOCUMENT_VERSION, Problem},
    terminal,
};

/// Tells how a sync went.
pub fn synced(story: &Story, ended: &Ended, output: Output) {
    match output {
        Output::Text => text_of_sync(story, ended),
        Output::Json => terminal::line(&json_of_sync(story, ended).to_string()),
    }
}

/// Tells of a run that failed before it had anything else to tell.
pub fn failed(problem: &Problem, output: Output) {
    if let (Output::Json, Some(document)) = (output, problem.document()) {
        terminal::line(&document.to_string());
    }
}

/// Tells what failed, each once: what the problem of the run tells itself is left to it.
pub fn failures(story: &Story, problem: &Problem, output: Output) {
    if output == Output::Json {
        return;
    }
    for row in story.objects() {
        let ObjectOutcome::Failed(failure) = &row.outcome else { continue };
        let id = row.id.to_string();
        if failure.code == "APPLY-SKIPPED" {
            terminal::progress(&format!("  not tried   {id}"));
        } else if !problem.tells(&failure.message) {
            let named = if failure.message.contains(&id) { String::new() } else { format!("{id}: ") };
            terminal::progress(&format!("  failed      {named}{}", failure.message));
        }
    }
}

/// What keeps an object that is no longer in Git, and what to do if it should go.
fn kept(orphan: &AppliedObject) -> &'static str {
    match (GuardedKind::of(&orphan.id.group, &orphan.id.kind), orphan.origin) {
        (Some(_), _) => "more than itself would go with it: delete it by hand",
        (None, Origin::Adopted) => "it existed before it was taken over: delete it by hand",
        (None, Origin::Created | Origin::Rebuilt) => "--prune deletes it",
    }
}

fn text_of_sync(story: &Story, ended: &Ended) {
    match ended {
        Ended::Failed(problem) | Ended::Refused(problem) => failures(story, problem, Output::Text),
        Ended::InSync | Ended::Unhealthy(_) => {}
    }
    if let Ended::InSync | Ended::Unhealthy(_) = ended {
        for orphan in story.orphans() {
            let (id, why) = (&orphan.id, kept(orphan));
            terminal::progress(&format!("  note: {id} is no longer in Git and is kept ({why})"));
        }
        for stray in story.state().iter().flat_map(|state| &state.strays) {
            let id = &stray.id;
            terminal::progress(&format!(
                "  note: {id} carries the application's mark, is in no inventory, and is left alone"
            ));
        }
        let revision = story.revision().map(|commit| format!(" at {}", commit.get(..8).unwrap_or(commit)));
        let health = story.state().map_or("Unknown", |state| state.health.status.word());
        let objects = counted(u32::try_from(story.objects().len()).unwrap_or(u32::MAX));
        terminal::line(&format!("in sync{}: {objects}, {health}", revision.unwrap_or_default()));
    }
}

fn json_of_sync(story: &Story, ended: &Ended) -> Value {
    let (word, problem) = match ended {
        Ended::InSync => ("InSync", None),
        Ended::Unhealthy(problem) => ("Unhealthy", Some(problem)),
        Ended::Failed(problem) => ("Failed", Some(problem)),
        Ended::Refused(problem) => ("Refused", Some(problem)),
    };
    let objects: Vec<Value> = story
        .objects()
        .iter()
        .map(|row| {
            let failure = match &row.outcome {
                ObjectOutcome::Failed(failure) => json!({"code": failure.code, "message": failure.message}),
                ObjectOutcome::Pending
                | ObjectOutcome::Created
                | ObjectOutcome::Configured
                | ObjectOutcome::Unchanged
                | ObjectOutcome::Untouched
                | ObjectOutcome::Terminating => Value::Null,
            };
            json!({
                "group": row.id.group, "kind": row.id.kind, "namespace": row.id.namespace, "name": row.id.name,
                "outcome": story.done_to(row), "failure": failure,
            })
        })
        .collect();
    json!({
        "version": DOCUMENT_VERSION,
        "outcome": word,
        "revision": story.revision(),
        "health": story.state().map(|state| state.health.status.word()),
        "failure": problem.map(Problem::failure),
        "objects": objects,
        "notes": story.notes(),
    })
}

/// Tells what a sync would change.
pub fn previewed(preview: &Preview, output: Output) -> Exit {
    match output {
        Output::Text => text_of_preview(preview),
        Output::Json => terminal::line(&json_of_preview(preview).to_string()),
    }
    let refused = preview.objects.iter().any(|object| matches!(object.change, PreviewChange::Fail(_)));
    match (refused, preview.objects.is_empty()) {
        (true, _) => Exit::Usage,
        (false, true) => Exit::Success,
        (false, false) => Exit::Failed,
    }
}

fn changes(object: &ObjectPreview) -> Vec<FieldChange> {
    let read = |text: &str| serde_json::from_str::<Value>(text).unwrap_or(Value::Null);
    field_diff(&read(&object.before), &read(&object.after), Scope::Intent)
}

fn word(change: &PreviewChange) -> (&'static str, char) {
    match change {
        PreviewChange::Create => ("create", '+'),
        PreviewChange::Configure => ("change", '~'),
        PreviewChange::Prune => ("prune", '-'),
        PreviewChange::Fail(_) => ("refused", '!'),
    }
}

fn text_of_preview(preview: &Preview) {
    let style = if terminal::colours() { Style::Coloured } else { Style::Plain };
    for object in &preview.objects {
        let (word, sign) = word(&object.change);
        terminal::line(&format!("{sign} {word} {}", object.id));
        match &object.change {
            PreviewChange::Create | PreviewChange::Configure => {
                terminal::line(render_diff(&changes(object), style).trim_end());
            }
            PreviewChange::Prune => {}
            PreviewChange::Fail(reason) => terminal::line(&format!("    {reason}")),
        }
    }
    for note in &preview.notes {
        terminal::progress(&format!("note: {note}"));
    }
    if preview.objects.is_empty() {
        terminal::line("no difference");
    }
}

fn json_of_preview(preview: &Preview) -> Value {
    let objects: Vec<Value> = preview
        .objects
        .iter()
        .map(|object| {
            let fields: Vec<Value> = match &object.change {
                PreviewChange::Create | PreviewChange::Configure => {
                    changes(object).iter().map(json_of_change).collect()
                }
                PreviewChange::Prune | PreviewChange::Fail(_) => vec![],
            };
            let reason = match &object.change {
                PreviewChange::Fail(reason) => Some(reason),
                PreviewChange::Create | PreviewChange::Configure | PreviewChange::Prune => None,
            };
            json!({
                "group": object.id.group, "kind": object.id.kind, "namespace": object.id.namespace,
                "name": object.id.name, "change": word(&object.change).0, "fields": fields, "reason": reason,
            })
        })
        .collect();
    json!({"version": DOCUMENT_VERSION, "objects": objects, "notes": preview.notes})
}

fn json_of_change(change: &FieldChange) -> Value {
    let path = &change.path;
    match &change.change {
        Change::Added { value } => json!({"path": path, "change": "added", "before": null, "after": value}),
        Change::Removed { value } => {
            json!({"path": path, "change": "removed", "before": value, "after": null})
        }
        Change::Changed { old, new } => {
            json!({"path": path, "change": "changed", "before": old, "after": new})
        }
        Change::Reordered { old, new } => {
            json!({"path": path, "change": "reordered", "before": old, "after": new})
        }
    }
}
