//! Hooks and chart tests: manifests that are not ordinary objects of the desired state.

use std::fmt;

use model::ObjectId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Origin;

/// Most words kept of a hook annotation, and characters of each: there are nine words in all.
const WORDS_MAX: usize = 9;
const WORD_CHARS_MAX: usize = 40;

/// Why a manifest is not applied as an ordinary object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SetAside {
    /// A Helm hook for these events (`pre-install`, `post-upgrade`, …).
    HelmHook(Vec<String>),
    /// A test of a Helm chart.
    ChartTest,
    /// An Argo CD hook for these phases (`PreSync`, `PostSync`, `Skip`, …).
    ArgoHook(Vec<String>),
}

impl SetAside {
    /// Reads the hook annotations of an object.
    ///
    /// Source: Helm "Chart Hooks"; Argo CD gitops-engine `hook.Types`: an Argo CD annotation switches off the
    /// reading of Helm's, and `crd-install` is an ordinary object.
    pub(crate) fn of(object: &Value) -> Option<Self> {
        let annotations = object.pointer("/metadata/annotations")?;
        let words = |key| annotations.get(key).and_then(Value::as_str).map(words);
        if let Some(phases) = words("argocd.argoproj.io/hook") {
            return Some(Self::ArgoHook(phases));
        }
        let events = words("helm.sh/hook")?;
        if events.iter().any(|event| event == "crd-install") {
            return None;
        }
        let test = !events.is_empty() && events.iter().all(|event| event.starts_with("test"));
        Some(if test { Self::ChartTest } else { Self::HelmHook(events) })
    }
}

fn words(text: &str) -> Vec<String> {
    let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
    words.take(WORDS_MAX).map(|word| word.chars().take(WORD_CHARS_MAX).collect()).collect()
}

impl fmt::Display for SetAside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HelmHook(events) => write!(f, "Helm hook ({})", events.join(", ")),
            Self::ChartTest => f.write_str("chart test"),
            Self::ArgoHook(phases) => write!(f, "Argo CD hook ({})", phases.join(", ")),
        }
    }
}

/// A manifest that was set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetAsideNote {
    /// Which.
    pub id: ObjectId,
    /// Why.
    pub reason: SetAside,
    /// Where it stands, if it comes from a file.
    pub origin: Option<Origin>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn hooks_and_tests_are_told_from_objects() {
        let (helm, argo) = ("helm.sh/hook", "argocd.argoproj.io/hook");
        let list = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        for (annotations, expected) in [
            (json!({}), None),
            (json!({helm: "crd-install"}), None),
            (json!({helm: "pre-install, post-upgrade"}), Some("Helm hook (pre-install, post-upgrade)")),
            (json!({helm: ""}), Some("Helm hook ()")),
            (json!({helm: "test"}), Some("chart test")),
            (json!({helm: "test-success,test-failure"}), Some("chart test")),
            (json!({helm: "test,post-install"}), Some("Helm hook (test, post-install)")),
            (json!({helm: "pre-install", argo: "PreSync"}), Some("Argo CD hook (PreSync)")),
            (json!({argo: "Skip"}), Some("Argo CD hook (Skip)")),
            (json!({argo: 1}), None),
        ] {
            let object = json!({"metadata": {"annotations": annotations}});
            let got = SetAside::of(&object).map(|reason| reason.to_string());
            assert_eq!(got.as_deref(), expected, "{annotations}");
        }
        assert_eq!(words(&"x,".repeat(50)), list(&["x"; WORDS_MAX]));
    }
}
