//! From documents to one set, with everything that is wrong with it.

use std::collections::BTreeMap;

use manifest::Document;
use model::{Application, Cluster, DefinitionSet, Source};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    API_VERSION, Kind, Problem, Severity,
    convert::{self, without_nulls},
    document::Metadata,
    fault::{Fault, Faults, Rule, nearest},
    schema, shape,
};

/// What documents say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The set; `None` if something forbids that it is in force.
    pub set: Option<DefinitionSet>,
    /// All that is wrong, warnings too.
    pub problems: Vec<Problem>,
}

impl Reading {
    /// The problems that forbid the set.
    pub fn errors(&self) -> impl Iterator<Item = &Problem> {
        self.problems.iter().filter(|problem| problem.severity == Severity::Error)
    }
}

/// Reads the documents of a fleet.
pub fn read(documents: &[Document]) -> Reading {
    let mut fleet = Fleet::new(documents);
    if documents.is_empty() {
        fleet.none();
    }
    for index in 0..documents.len() {
        fleet.take(index);
    }
    fleet.check_references();
    fleet.check_targets();
    fleet.finish()
}

/// A definition and the document that it was made from.
type Made<D> = Vec<(usize, D)>;

struct Fleet<'d> {
    documents: &'d [Document],
    schemas: BTreeMap<Kind, Value>,
    /// The first document of every name.
    named: BTreeMap<(Kind, String), usize>,
    sources: Made<Source>,
    clusters: Made<Cluster>,
    applications: Made<Application>,
    problems: Vec<Problem>,
}

impl<'d> Fleet<'d> {
    fn new(documents: &'d [Document]) -> Self {
        Self {
            documents,
            schemas: Kind::ALL.into_iter().map(|kind| (kind, schema(kind))).collect(),
            named: BTreeMap::new(),
            sources: Vec::new(),
            clusters: Vec::new(),
            applications: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// An empty folder is most often a wrong one, and would take everything out of the definitions.
    fn none(&mut self) {
        let message = "there is no definition".to_owned();
        let remedy = "check the path; to define nothing, leave one Source".to_owned();
        let fault = Fault { rule: Rule::Empty, pointer: String::new(), message, remedy };
        self.problems.push(Problem::of(fault, "", ("", 0)));
    }

    fn note(&mut self, index: usize, fault: Fault) {
        let document = &self.documents[index];
        let place = (document.file.as_str(), document.line);
        self.problems.push(Problem::of(fault, &subject(&document.value), place));
    }

    fn take(&mut self, index: usize) {
        let value = &self.documents[index].value;
        let kind = match kind_of(value) {
            Ok(kind) => kind,
            Err(fault) => return self.note(index, fault),
        };
        let mut faults = Faults::default();
        shape::check(&self.schemas[&kind], value, "", &mut faults);
        if faults.0.is_empty() {
            self.convert(index, kind, &mut faults);
        }
        faults.0.into_iter().for_each(|fault| self.note(index, fault));
        self.check_name(index, kind);
    }

    fn convert(&mut self, index: usize, kind: Kind, faults: &mut Faults) {
        let document = &self.documents[index].value;
        let written = &document["spec"];
        let value = without_nulls(document);
        let Some(metadata) = part::<Metadata>(&value, "metadata", faults) else { return };
        convert::secrets(&metadata, faults);
        convert::hooks(&metadata, faults);
        match kind {
            Kind::Source => {
                let spec = part(&value, "spec", faults);
                let made = spec.and_then(|spec| convert::source(metadata, spec, faults));
                self.sources.extend(made.map(|made| (index, made)));
            }
            Kind::Cluster => {
                let spec = part(&value, "spec", faults);
                let made = spec.and_then(|spec| convert::cluster(metadata, spec, faults));
                self.clusters.extend(made.map(|made| (index, made)));
            }
            Kind::Application => {
                let spec = part(&value, "spec", faults);
                let made = spec.and_then(|spec| convert::application(metadata, spec, written, faults));
                self.applications.extend(made.map(|made| (index, made)));
            }
        }
    }

    fn check_name(&mut self, index: usize, kind: Kind) {
        let name = self.documents[index].value.pointer("/metadata/name").and_then(Value::as_str);
        let Some(name) = name.map(str::to_owned) else { return };
        let first = *self.named.entry((kind, name)).or_insert(index);
        if first != index {
            let first = &self.documents[first];
            let message = format!("this name is taken already at {}:{}", first.file, first.line);
            let remedy = "rename or remove one of the two".to_owned();
            self.note(
                index,
                Fault { rule: Rule::Duplicate, pointer: "/metadata/name".to_owned(), message, remedy },
            );
        }
    }

    /// By what is written, so that a faulty source is not missed as well.
    fn check_references(&mut self) {
        let mut missing = Vec::new();
        for (index, application) in &self.applications {
            let name = application.source.name.as_str();
            if !self.named.contains_key(&(Kind::Source, name.to_owned())) {
                missing.push((*index, name.to_owned()));
            }
        }
        for (index, name) in missing {
            let sources = self.named.keys().filter(|(kind, _)| *kind == Kind::Source);
            let remedy = match nearest(&name, sources.map(|(_, name)| name.as_str())) {
                Some(meant) => format!("did you mean {meant}?"),
                None => "define it, or name another one".to_owned(),
            };
            let message = format!("there is no Source {name}");
            let pointer = "/spec/source/name".to_owned();
            self.note(index, Fault { rule: Rule::Reference, pointer, message, remedy });
        }
    }

    /// Only where all clusters are known: one that is misspelt would make others look wrong.
    fn check_targets(&mut self) {
        if !self.problems.is_empty() {
            return;
        }
        let lonely = self.applications.iter().filter(|(_, application)| {
            !self.clusters.iter().any(|(_, cluster)| application.targets.selects(cluster))
        });
        let lonely: Vec<usize> = lonely.map(|(index, _)| *index).collect();
        for index in lonely {
            let message = "no cluster has the labels that it selects".to_owned();
            let remedy = "correct targets.matchLabels, or the labels of a Cluster".to_owned();
            let pointer = "/spec/targets".to_owned();
            self.note(index, Fault { rule: Rule::Targets, pointer, message, remedy });
        }
    }

    fn finish(mut self) -> Reading {
        if self.problems.iter().any(|problem| problem.severity == Severity::Error) {
            return Reading { set: None, problems: self.problems };
        }
        let (sources, clusters) = (without_places(self.sources), without_places(self.clusters));
        match DefinitionSet::new(sources, clusters, without_places(self.applications)) {
            Ok(set) => Reading { set: Some(set), problems: self.problems },
            Err(error) => {
                let remedy = "correct the definition that it names".to_owned();
                let fault =
                    Fault { rule: Rule::Value, pointer: String::new(), message: error.to_string(), remedy };
                self.problems.push(Problem::of(fault, "", ("", 0)));
                Reading { set: None, problems: self.problems }
            }
        }
    }
}

fn without_places<D>(made: Made<D>) -> Vec<D> {
    made.into_iter().map(|(_, definition)| definition).collect()
}

/// Reads a part of a document that fits its schema. That it can be read follows, but for our own mistakes.
fn part<P: DeserializeOwned>(value: &Value, key: &str, faults: &mut Faults) -> Option<P> {
    match serde_json::from_value(value.get(key).cloned().unwrap_or_default()) {
        Ok(part) => Some(part),
        Err(error) => {
            faults.field(&format!("/{key}"), &format!("cannot be read: {error}"), "correct it".to_owned());
            None
        }
    }
}

/// `Application shop`; empty if it has no name.
fn subject(value: &Value) -> String {
    let text = |pointer| value.pointer(pointer).and_then(Value::as_str);
    let cut = |text: &str| text.chars().take(80).collect::<String>();
    match (text("/kind"), text("/metadata/name")) {
        (Some(kind), Some(name)) => format!("{} {}", cut(kind), cut(name)),
        (Some(_) | None, _) => String::new(),
    }
}

fn kind_of(value: &Value) -> Result<Kind, Fault> {
    let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
    let (version, word) = (text("apiVersion"), text("kind"));
    let fault = |pointer: &str, message: String, remedy: String| Fault {
        rule: Rule::Kind,
        pointer: pointer.to_owned(),
        message,
        remedy,
    };
    let words = || Kind::ALL.map(Kind::word).join(", ");
    match (version == API_VERSION, Kind::of(word)) {
        (true, Some(kind)) => Ok(kind),
        (true, None) => {
            let remedy = match nearest(word, Kind::ALL.map(Kind::word)) {
                Some(meant) => format!("did you mean {meant}?"),
                None => format!("the kinds are {}", words()),
            };
            Err(fault("/kind", format!("{API_VERSION} has no such kind"), remedy))
        }
        (false, _) if version.starts_with("driftless.dev/") => Err(fault(
            "/apiVersion",
            "this version of definitions is not known here".to_owned(),
            format!("write {API_VERSION}, or use the driftless that knows it"),
        )),
        (false, _) => Err(fault(
            "/apiVersion",
            "this is not a definition: a fleet folder holds nothing else".to_owned(),
            format!("move it to the folder of an application; definitions are {} of {API_VERSION}", words()),
        )),
    }
}

#[cfg(test)]
mod tests;
