//! Reading live objects without trusting their shape.

use serde_json::Value;

/// A live object.
#[derive(Clone, Copy)]
pub(crate) struct Object<'a>(pub &'a Value);

/// One entry of `status.conditions`.
#[derive(Clone, Copy)]
pub(crate) struct Condition<'a> {
    pub status: &'a str,
    pub reason: &'a str,
    pub message: &'a str,
    pub observed_generation: Option<i64>,
}

impl<'a> Object<'a> {
    pub(crate) fn text(self, pointer: &str) -> Option<&'a str> {
        self.0.pointer(pointer).and_then(Value::as_str)
    }

    pub(crate) fn number(self, pointer: &str) -> Option<i64> {
        self.0.pointer(pointer).and_then(Value::as_i64)
    }

    /// A count that the server leaves out when it is zero.
    pub(crate) fn count(self, pointer: &str) -> i64 {
        self.number(pointer).unwrap_or(0)
    }

    pub(crate) fn is_true(self, pointer: &str) -> bool {
        self.0.pointer(pointer).and_then(Value::as_bool).unwrap_or(false)
    }

    pub(crate) fn items(self, pointer: &str) -> impl Iterator<Item = &'a Value> {
        self.0.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
    }

    pub(crate) fn generation(self) -> Option<i64> {
        self.number("/metadata/generation")
    }

    /// Whether the controller has not reported on any generation yet.
    pub(crate) fn is_unobserved(self) -> bool {
        self.count("/status/observedGeneration") == 0
    }

    /// `spec.replicas`, 1 if not said.
    pub(crate) fn replicas(self) -> i64 {
        self.number("/spec/replicas").unwrap_or(1)
    }

    pub(crate) fn condition(self, kind: &str) -> Option<Condition<'a>> {
        let found = self
            .items("/status/conditions")
            .find(|item| item.get("type").and_then(Value::as_str) == Some(kind));
        found.map(Condition::of)
    }
}

impl<'a> Condition<'a> {
    pub(crate) fn of(value: &'a Value) -> Self {
        let text = |name| value.get(name).and_then(Value::as_str).unwrap_or_default();
        Self {
            status: text("status"),
            reason: text("reason"),
            message: text("message"),
            observed_generation: value.get("observedGeneration").and_then(Value::as_i64),
        }
    }

    pub(crate) fn is_true(&self) -> bool {
        self.status == "True"
    }

    pub(crate) fn is_false(&self) -> bool {
        self.status == "False"
    }

    /// Reason and message as one fragment.
    pub(crate) fn words(&self) -> String {
        match (self.reason, self.message) {
            ("", words) | (words, "") => words.to_owned(),
            (reason, message) => format!("{reason}: {message}"),
        }
    }
}
