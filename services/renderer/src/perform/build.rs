//! From files of manifests to a desired set: read, marked, set aside, normalised, redacted.

use engine::RenderedFile;
use events::state::Note;
use manifest::{Built, DesiredSet, Document, InstallKey, SetAsideNote, SetOptions, parse_file};
use plan::RenderJob;
use serde_json::{Map, Value};

use super::fault::Fault;
use crate::Marking;

/// The label that every object of an application carries.
pub const APPLICATION_LABEL: &str = "driftless.dev/application";

/// The annotation that tells the source, where that is to be told.
pub const SOURCE_ANNOTATION: &str = "driftless.dev/source";

/// Most objects of one application: ten times the largest seen in the field.
const OBJECTS_MAX: usize = 10_000;
/// Most bytes of manifests of one application, as rendered.
const BYTES_MAX: usize = 64 << 20;
/// Most notes in a state, and characters of each: together they stay far below what an event holds.
const NOTES_MAX: usize = 24;
const NOTE_CHARS_MAX: usize = 200;

/// A desired set with its secret values and what a person should know.
pub struct Manifests {
    /// The set and its secrets.
    pub built: Built,
    /// Notes, bounded.
    pub notes: Vec<Note>,
}

/// Builds the desired set of a job from files of manifests.
///
/// # Errors
/// Permanent: only other files help.
pub fn build(
    files: &[RenderedFile],
    (job, marking): (&RenderJob, Marking),
    key: &InstallKey,
) -> Result<Manifests, Fault> {
    if files.iter().map(|file| file.bytes.len()).sum::<usize>() > BYTES_MAX {
        return Err(Fault::too_large("bytes of manifests", BYTES_MAX));
    }
    let mut documents = Vec::new();
    for file in files {
        documents.extend(parse_file(&file.name, &file.bytes)?);
        if documents.len() > OBJECTS_MAX {
            return Err(Fault::too_large("objects", OBJECTS_MAX));
        }
    }
    documents.iter_mut().for_each(|document| mark(document, job, marking));
    let default_namespace = job.parameters.namespace.as_deref().unwrap_or("default");
    let built = DesiredSet::build(documents, SetOptions { key, default_namespace })?;
    let mut notes = notes(&built.set_aside);
    if built.set.objects().is_empty() && built.set_aside.is_empty() {
        // In sync with nothing is most often a wrong path.
        notes.push(empty(&job.parameters.source.path));
    }
    Ok(Manifests { built, notes })
}

/// Puts our marks on an object. What is no object is left to be refused with its place.
fn mark(document: &mut Document, job: &RenderJob, marking: Marking) {
    let mut write = |map: &str, key: &str, value: String| {
        let metadata = document.value.as_object_mut().and_then(|object| map_in(object, "metadata"));
        if let Some(map) = metadata.and_then(|metadata| map_in(metadata, map)) {
            map.insert(key.to_owned(), Value::String(value));
        }
    };
    write("labels", APPLICATION_LABEL, job.application.to_string());
    match marking {
        Marking::Application => {}
        Marking::ApplicationAndSource => {
            write("annotations", SOURCE_ANNOTATION, job.parameters.source.name.to_string());
        }
    }
}

/// The map under a key, made if there is none; `None` if something else is there.
fn map_in<'a>(map: &'a mut Map<String, Value>, key: &str) -> Option<&'a mut Map<String, Value>> {
    let value = map.entry(key).or_insert(Value::Null);
    if value.is_null() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut()
}

fn empty(path: &str) -> Note {
    let place = match path.trim_matches(['.', '/']) {
        "" => "in the repository".to_owned(),
        _ => format!("under {path}"),
    };
    Note { code: "RENDER-EMPTY".to_owned(), message: format!("no manifest found {place}") }
}

fn notes(set_aside: &[SetAsideNote]) -> Vec<Note> {
    let told = set_aside.iter().take(NOTES_MAX).map(|note| {
        let origin = note.origin.as_ref().map(|origin| format!(", {origin}")).unwrap_or_default();
        let message = format!("{} is not applied: {}{origin}", note.id, note.reason);
        Note { code: "RENDER-SET-ASIDE".to_owned(), message: message.chars().take(NOTE_CHARS_MAX).collect() }
    });
    let mut told: Vec<Note> = told.collect();
    if let Some(more) = set_aside.len().checked_sub(NOTES_MAX).filter(|more| *more > 0) {
        let message = format!("{more} more objects are not applied");
        told.push(Note { code: "RENDER-SET-ASIDE".to_owned(), message });
    }
    told
}

#[cfg(test)]
mod tests {
    use model::definition::{Plain, Rendering, SourcePath};
    use plan::RenderParameters;

    use super::*;

    fn job() -> RenderJob {
        let source = SourcePath { name: "shop".parse().unwrap(), path: "deploy".into() };
        let rendering = Rendering::Plain(Plain::default());
        let parameters = RenderParameters { source, rendering, namespace: None };
        RenderJob { application: "shop".parse().unwrap(), parameters }
    }

    fn built(files: &[(&str, &str)]) -> Result<Manifests, Fault> {
        let file = |(name, text): &(&str, &str)| RenderedFile { name: (*name).into(), bytes: (*text).into() };
        let files: Vec<RenderedFile> = files.iter().map(file).collect();
        build(&files, (&job(), Marking::Application), &InstallKey::from_bytes([1; 32]))
    }

    #[test]
    fn the_source_is_told_where_that_is_asked_for() {
        let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, annotations: {x: z}}\n";
        let file = RenderedFile { name: "a.yaml".into(), bytes: text.into() };
        let key = InstallKey::from_bytes([1; 32]);
        let annotations = |marking| {
            let made = build(std::slice::from_ref(&file), (&job(), marking), &key).unwrap();
            made.built.set.objects()[0].value.value()["metadata"]["annotations"].clone()
        };
        assert_eq!(annotations(Marking::Application), serde_json::json!({"x": "z"}));
        let told = serde_json::json!({"x": "z", "driftless.dev/source": "shop"});
        assert_eq!(annotations(Marking::ApplicationAndSource), told);
    }

    #[test]
    fn a_folder_without_a_manifest_is_told() {
        let told = |files: &[(&str, &str)]| -> Vec<String> {
            built(files).unwrap().notes.into_iter().map(|note| note.message).collect()
        };
        assert_eq!(told(&[]), ["no manifest found under deploy"]);
        assert_eq!(told(&[("a.yaml", "# nothing\n")]), ["no manifest found under deploy"]);
        assert_eq!(told(&[("a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")]), [""; 0]);
        assert_eq!(empty("./").message, "no manifest found in the repository");
    }

    #[test]
    fn every_object_carries_the_mark_whatever_its_labels_were() {
        let made = built(&[(
            "a.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\n\
             apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b, labels: null}\n---\n\
             apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, labels: {x: v, driftless.dev/application: z}}\n",
        )]);
        let set = made.unwrap().built.set;
        assert_eq!(set.objects().len(), 3);
        for object in set.objects() {
            let label = object.value.value().pointer("/metadata/labels/driftless.dev~1application");
            assert_eq!(label, Some(&Value::String("shop".into())), "{}", object.id);
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";
        for (files, code, place) in [
            (vec![("a.yaml", "a: [")], "MANIFEST-SYNTAX", "a.yaml:1"),
            (vec![("a.yaml", "\n- 1\n")], "MANIFEST-OBJECT", "a.yaml:2"),
            (vec![("a.yaml", "apiVersion: v1\nkind: A\nmetadata: 1\n")], "MANIFEST-OBJECT", "a.yaml:1"),
            (vec![("a.yaml", map), ("b/c.yaml", map)], "MANIFEST-DUPLICATE", "a.yaml:1 and b/c.yaml:1"),
        ] {
            let fault = built(&files).err().unwrap();
            assert_eq!(fault.code, code, "{files:?}");
            assert!(fault.message.contains(place), "{}", fault.message);
        }
    }

    #[test]
    fn hooks_are_set_aside_and_the_notes_are_bounded() {
        let hook = |i: usize| {
            format!(
                "apiVersion: v1\nkind: Pod\nmetadata:\n  name: p{i}\n  annotations: {{helm.sh/hook: test}}\n---\n"
            )
        };
        let text: String = (0..NOTES_MAX + 3).map(hook).collect();
        let made = built(&[("a.yaml", &text)]).unwrap();
        assert!(made.built.set.objects().is_empty());
        assert_eq!(made.notes.len(), NOTES_MAX + 1);
        assert_eq!(made.notes[0].message, "Pod p0 is not applied: chart test, a.yaml:1");
        assert_eq!(made.notes[NOTES_MAX].message, "3 more objects are not applied");
    }

    #[test]
    fn too_many_objects_are_refused() {
        let text = "a: 1\n---\n".repeat(OBJECTS_MAX + 1);
        assert_eq!(built(&[("a.yaml", &text)]).err().unwrap().code, "RENDER-TOO-LARGE");
    }
}
