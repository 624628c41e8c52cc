//! `Application`.

use model::{
    Application,
    definition::{
        Deletion, FirstContact, Guard, GuardedKind, Helm, IgnoreRule, Override, Plain, Rendering, Selector,
        SourcePath, SyncPolicy,
    },
};
use serde_json::{Map, Value};

use super::{at_most_one, name, named, namespace};
use crate::{
    document::{
        Metadata,
        application::{self as written, ApplicationSpec},
    },
    fault::Faults,
    labels,
};

/// An application is made from its document and its specification as it was written, nulls and all.
pub(crate) fn application(
    metadata: Metadata,
    spec: ApplicationSpec,
    written: &Value,
    faults: &mut Faults,
) -> Option<Application> {
    let name = name(&metadata.name, faults);
    let source = named(&spec.source.name, "/spec/source/name", faults);
    path(&spec.source.path, "/spec/source/path", faults);
    labels::check(&spec.targets.match_labels, "/spec/targets/matchLabels", faults);
    if let Some(text) = &spec.namespace {
        namespace(text, "/spec/namespace", faults);
    }
    let ignore: Vec<IgnoreRule> = spec.ignore.into_iter().map(ignore_rule).collect();
    for (at, rule) in ignore.iter().enumerate() {
        if let Some(problem) = rule.problem() {
            faults.value(&format!("/spec/ignore/{at}"), &problem, "see docs/definitions.md");
        }
    }
    let ways = [
        ("plain", spec.plain.as_ref().map(|_| ())),
        ("kustomize", spec.kustomize.as_ref().map(|_| ())),
        ("helm", spec.helm.as_ref().map(|_| ())),
    ];
    at_most_one(&ways, "/spec", faults);
    values(written, "/helm/values", faults);
    let rendering = rendering(spec.plain, spec.kustomize, spec.helm);
    let overrides = overrides(spec.overrides, &rendering, written, faults);
    let sync = spec.sync;
    Some(Application {
        name: name?,
        source: SourcePath { name: source?, path: spec.source.path },
        rendering,
        targets: Selector { match_labels: spec.targets.match_labels },
        overrides,
        namespace: spec.namespace,
        sync: SyncPolicy { auto: sync.auto, prune: sync.prune, self_heal: sync.self_heal },
        deletion: match spec.deletion {
            written::Deletion::Orphan => Deletion::Orphan,
            written::Deletion::Delete => Deletion::Delete,
        },
        guard: guard(spec.guard),
        ignore,
        first_contact: match spec.first_contact {
            written::FirstContact::Refuse => FirstContact::Refuse,
            written::FirstContact::TakeOver => FirstContact::TakeOver,
        },
    })
}

fn guard(guard: written::Guard) -> Guard {
    let kinds = guard.prune_kinds.into_iter().map(|kind| match kind {
        written::GuardedKind::Namespace => GuardedKind::Namespace,
        written::GuardedKind::PersistentVolume => GuardedKind::PersistentVolume,
        written::GuardedKind::PersistentVolumeClaim => GuardedKind::PersistentVolumeClaim,
        written::GuardedKind::CustomResourceDefinition => GuardedKind::CustomResourceDefinition,
    });
    Guard {
        max_prune_percent: guard.max_prune_percent,
        prune_kinds: kinds.collect(),
        prune_adopted: guard.prune_adopted,
    }
}

fn rendering(
    plain: Option<written::Plain>,
    kustomize: Option<written::Kustomize>,
    helm: Option<written::Helm>,
) -> Rendering {
    match (plain, kustomize, helm) {
        (Some(plain), ..) => Rendering::Plain(Plain { include: plain.include, exclude: plain.exclude }),
        (None, Some(written::Kustomize {}), _) => Rendering::Kustomize,
        (None, None, Some(helm)) => Rendering::Helm(Helm {
            release_name: helm.release_name,
            values_files: helm.values_files,
            values: inline(helm.values),
            values_overlays: Vec::new(),
            pin_non_deterministic: helm.pin_non_deterministic,
        }),
        (None, None, None) => Rendering::Detect,
    }
}

fn overrides(
    all: Vec<written::Override>,
    rendering: &Rendering,
    written: &Value,
    faults: &mut Faults,
) -> Vec<Override> {
    let mut made = Vec::with_capacity(all.len());
    for (at, different) in all.into_iter().enumerate() {
        let pointer = format!("/spec/overrides/{at}");
        labels::check(&different.targets.match_labels, &format!("{pointer}/targets/matchLabels"), faults);
        if let Some(text) = &different.path {
            path(text, &format!("{pointer}/path"), faults);
        }
        values(written, &format!("/overrides/{at}/values"), faults);
        let different = Override {
            targets: Selector { match_labels: different.targets.match_labels },
            path: different.path,
            values_files: different.values_files,
            values: inline(different.values),
        };
        if let Some(problem) = different.problem(rendering) {
            faults.value(&pointer, &problem, "write path, or valuesFiles and values beside a spec.helm");
        }
        made.push(different);
    }
    made
}

fn path(text: &str, pointer: &str, faults: &mut Faults) {
    if text.split('/').any(|part| part == "..") {
        faults.value(pointer, "it leads out of the repository", "write it without `..`");
    }
}

/// Values of a chart, as text; JSON is YAML.
fn inline(values: Map<String, Value>) -> String {
    if values.is_empty() { String::new() } else { Value::Object(values).to_string() }
}

/// To Helm a null takes a default away, which nulls of other fields do not.
fn values(written: &Value, pointer: &str, faults: &mut Faults) {
    if written.pointer(pointer).is_some_and(holds_null) {
        let remedy = "write such values into a file of the chart, under valuesFiles";
        faults.value(&format!("/spec{pointer}"), "a null in it would be lost on the way", remedy);
    }
}

fn ignore_rule(rule: written::Ignore) -> IgnoreRule {
    let written::Ignore { group, kind, name, pointers, managers } = rule;
    IgnoreRule { group, kind, name, pointers, managers }
}

fn holds_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
        Value::Array(items) => items.iter().any(holds_null),
        Value::Object(map) => map.values().any(holds_null),
    }
}
