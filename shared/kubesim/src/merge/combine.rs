//! Merging a configuration into what is there.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Map, Value};

use super::{filled, items::step};
use crate::{
    fields::Step,
    schema::{Items, Shape, Type},
};

/// What is there, with the configuration merged into it. Both have been checked against the type.
pub(crate) fn combine(of: &Type, live: Option<&Value>, config: Option<&Value>) -> Option<Value> {
    if filled(live).is_none() && filled(config).is_none() {
        return config.or(live).cloned();
    }
    match of.shape([live, config]) {
        Shape::Leaf => config.or(live).cloned(),
        Shape::Map => map(of, live, config),
        Shape::List(of, items) => list((of, items), live, config),
    }
}

fn map(of: &Type, live: Option<&Value>, config: Option<&Value>) -> Option<Value> {
    let (live, config) = (live.and_then(Value::as_object), config.and_then(Value::as_object));
    let mut out = Map::new();
    let names = live.into_iter().flatten().map(|(name, _)| name);
    let new = config.into_iter().flatten().map(|(name, _)| name);
    for name in names.chain(new) {
        if out.contains_key(name) {
            continue;
        }
        let (live, config) = (live.and_then(|map| map.get(name)), config.and_then(|map| map.get(name)));
        let merged = combine(of.child(name).unwrap_or(&Type::Any), live, config);
        out.extend(merged.map(|merged| (name.clone(), merged)));
    }
    (!out.is_empty()).then_some(Value::Object(out))
}

/// Two lists on the way to one.
struct Lists<'a> {
    of: &'a Type,
    live: Vec<(Step, &'a Value)>,
    config: Vec<(Step, &'a Value)>,
    /// Items by their step; null for those that are there several times.
    live_by: BTreeMap<Step, &'a Value>,
    config_by: BTreeMap<Step, &'a Value>,
    /// The steps that both have and that are still to come, in the configuration's order.
    shared: VecDeque<Step>,
    taken: Vec<Step>,
    out: Vec<Value>,
}

/// The configuration's order rules among its items; others stay where they are between them.
fn list(of: (&Type, &Items), live: Option<&Value>, config: Option<&Value>) -> Option<Value> {
    let (live, live_by) = index(of, live);
    let (config, config_by) = index(of, config);
    let shared = config.iter().filter(|(step, _)| live_by.contains_key(step));
    let shared = shared.map(|(step, _)| step.clone()).collect();
    let (taken, out) = (Vec::new(), Vec::new());
    let mut lists = Lists { of: of.0, live, config, live_by, config_by, shared, taken, out };
    lists.merge();
    (!lists.out.is_empty()).then_some(Value::Array(lists.out))
}

type Indexed<'a> = (Vec<(Step, &'a Value)>, BTreeMap<Step, &'a Value>);

fn index<'a>(of: (&Type, &Items), list: Option<&'a Value>) -> Indexed<'a> {
    static SEVERAL: Value = Value::Null;
    let (mut steps, mut by) = (Vec::new(), BTreeMap::new());
    for item in list.and_then(Value::as_array).into_iter().flatten() {
        if let Ok(step) = step(of.0, of.1, item) {
            by.entry(step.clone()).and_modify(|item| *item = &SEVERAL).or_insert(item);
            steps.push((step, item));
        }
    }
    (steps, by)
}

impl Lists<'_> {
    fn merge(&mut self) {
        let (mut l, mut c) = (0, 0);
        while l < self.live.len() || c < self.config.len() {
            if let (Some((live, _)), Some((config, _))) = (self.live.get(l), self.config.get(c)) {
                if live == config {
                    self.take_config(c);
                    self.shared.pop_front();
                    (l, c) = (l + 1, c + 1);
                    continue;
                }
                let next = self.shared.front();
                if self.config_by.contains_key(live) && next.is_some_and(|next| next != live) {
                    // A shared item, but not the one whose turn it is.
                    l += 1;
                    continue;
                }
            }
            if let Some((step, item)) = self.live.get(l) {
                if !self.config_by.contains_key(step) {
                    self.out.extend(combine(self.of, Some(item), None));
                    l += 1;
                    continue;
                }
                if self.taken.contains(step) {
                    l += 1;
                }
            }
            if let Some((step, _)) = self.config.get(c) {
                if self.shared.front() == Some(step) {
                    self.shared.pop_front();
                }
                self.take_config(c);
                c += 1;
            }
        }
    }

    fn take_config(&mut self, at: usize) {
        let (step, item) = &self.config[at];
        self.taken.push(step.clone());
        // Of items that are there several times none is merged with the new one.
        let live = self.live_by.get(step).copied().filter(|live| !live.is_null());
        self.out.extend(combine(self.of, live, Some(item)));
    }
}
