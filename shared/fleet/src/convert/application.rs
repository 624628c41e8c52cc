//! `Application`.

use model::{
    Application,
    definition::{
        Deletion, FirstContact, Guard, Helm, IgnoreRule, Plain, Rendering, Selector, SourcePath, SyncPolicy,
    },
};
use serde_json::Value;

use super::{at_most_one, name, named, namespace};
use crate::{
    document::{
        Metadata,
        application::{self as written, ApplicationSpec},
    },
    fault::Faults,
    labels,
};

/// An application is made from its document and the values of its chart as they were written.
pub(crate) fn application(
    metadata: Metadata,
    spec: ApplicationSpec,
    values: Option<&Value>,
    faults: &mut Faults,
) -> Option<Application> {
    let name = name(&metadata.name, faults);
    let source = named(&spec.source.name, "/spec/source/name", faults);
    if spec.source.path.split('/').any(|part| part == "..") {
        faults.value("/spec/source/path", "it leads out of the repository", "write it without `..`");
    }
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
    if values.is_some_and(holds_null) {
        let problem = "a null in it would be lost on the way";
        faults.value(
            "/spec/helm/values",
            problem,
            "write such values into a file of the chart, under valuesFiles",
        );
    }
    let sync = spec.sync;
    Some(Application {
        name: name?,
        source: SourcePath { name: source?, path: spec.source.path },
        rendering: rendering(spec.plain, spec.kustomize, spec.helm),
        targets: Selector { match_labels: spec.targets.match_labels },
        namespace: spec.namespace,
        sync: SyncPolicy { auto: sync.auto, prune: sync.prune, self_heal: sync.self_heal },
        deletion: match spec.deletion {
            written::Deletion::Orphan => Deletion::Orphan,
            written::Deletion::Delete => Deletion::Delete,
        },
        guard: Guard { max_prune_percent: spec.guard.max_prune_percent },
        ignore,
        first_contact: match spec.first_contact {
            written::FirstContact::Refuse => FirstContact::Refuse,
            written::FirstContact::TakeOver => FirstContact::TakeOver,
        },
    })
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
            // JSON is YAML.
            values: if helm.values.is_empty() {
                String::new()
            } else {
                Value::Object(helm.values).to_string()
            },
            pin_non_deterministic: helm.pin_non_deterministic,
        }),
        (None, None, None) => Rendering::Detect,
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
