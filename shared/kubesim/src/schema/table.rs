//! The committed table of kinds and types.
//!
//! `kind GROUP VERSION KIND PLURAL SINGULAR SCOPE TYPE VERBS SHORT-NAMES CATEGORIES SUBRESOURCES`, `-` for none.
//! `type NAME [atomic]`, then a line ` FIELD TYPE [0|n|+] [=DEFAULT] [~STRATEGY:KEY]` per field. Types: `s` text, `i`
//! whole, `n` number, `b` truth, `q` quantity, `x` number or text, `t` time, `?` any, `@NAME` a type, `{T` a map, `[T`
//! an atomic list, `[=T` a set, `[k1,k2:T` a list with keys, `!` before a map that is atomic. `0`: left out when
//! empty, `n`: null when empty, `+`: always written.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, OnceLock},
};

use super::{Field, Items, Limits, Others, Relation, Strategy, Struct, Type, Written};

/// A kind that is served.
#[derive(Debug, Clone)]
pub(crate) struct Kind {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) kind: String,
    pub(crate) plural: String,
    pub(crate) singular: String,
    pub(crate) namespaced: bool,
    pub(crate) of: Type,
    pub(crate) verbs: Vec<String>,
    pub(crate) short_names: Vec<String>,
    pub(crate) categories: Vec<String>,
    pub(crate) subresources: Vec<String>,
}

impl Kind {
    /// Whether a definition made it: its objects are kept as they are sent.
    pub(crate) fn is_custom(&self) -> bool {
        !self.of.is_built_in()
    }

    /// The kind if it is built in, else nothing: a custom resource may be called `Service` too.
    pub(crate) fn built_in(&self) -> &str {
        if self.is_custom() { "" } else { &self.kind }
    }
}

/// What is built in.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) kinds: Vec<Arc<Kind>>,
    pub(crate) types: Vec<Struct>,
    /// The type of `metadata`.
    pub(crate) metadata: Type,
}

/// The table, read once.
pub(crate) fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| read(include_str!("../../table/kinds.txt")))
}

fn read(text: &str) -> Table {
    let types = text.lines().filter_map(|line| line.strip_prefix("type "));
    let names: HashMap<_, _> = types.enumerate().map(|(index, line)| (first(line), index)).collect();
    let mut table = Table { kinds: Vec::new(), types: Vec::new(), metadata: Type::Any };
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("kind ") {
            table.kinds.extend(kind(rest, &names).map(Arc::new));
        } else if let Some(rest) = line.strip_prefix("type ") {
            let relation = if rest.ends_with(" atomic") { Relation::Atomic } else { Relation::Granular };
            let fields = BTreeMap::new();
            table.types.push(Struct { relation, fields, others: Others::Refused, required: Vec::new() });
        } else if let (Some(rest), Some(of)) = (line.strip_prefix(' '), table.types.last_mut()) {
            let (name, field) = field(rest, &names);
            of.fields.insert(name.to_owned(), field);
        }
    }
    table.metadata = names.get("meta.v1.ObjectMeta").map_or(Type::Any, |index| Type::Named(*index));
    table
}

fn first(line: &str) -> &str {
    line.split(' ').next().unwrap_or_default()
}

fn kind(line: &str, names: &HashMap<&str, usize>) -> Option<Kind> {
    let words: Vec<_> = line.split(' ').collect();
    let [group, version, kind, plural, singular, scope, of, verbs, short, categories, parts] = words[..]
    else {
        return None;
    };
    let list = |word: &str| match word {
        "-" => Vec::new(),
        words => words.split(',').map(str::to_owned).collect(),
    };
    Some(Kind {
        group: if group == "-" { String::new() } else { group.to_owned() },
        version: version.to_owned(),
        kind: kind.to_owned(),
        plural: plural.to_owned(),
        singular: singular.to_owned(),
        namespaced: scope == "namespaced",
        of: Type::Named(*names.get(of)?),
        verbs: list(verbs),
        short_names: list(short),
        categories: list(categories),
        subresources: list(parts),
    })
}

fn field<'a>(line: &'a str, names: &HashMap<&str, usize>) -> (&'a str, Field) {
    let mut words = line.split(' ');
    let (name, of) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let limits = Limits::default();
    let mut field =
        Field { of: of_type(of, names), written: Written::Given, default: None, patch: None, limits };
    for word in words {
        match word.split_at(1) {
            ("0", _) => field.written = Written::UnlessEmpty,
            ("n", _) => field.written = Written::OrNull,
            ("+", _) => field.written = Written::Always,
            ("=", default) => field.default = serde_json::from_str(default).ok(),
            ("~", strategy) => {
                let (name, key) = strategy.split_once(':').unwrap_or((strategy, ""));
                let key = Some(key.to_owned()).filter(|key| !key.is_empty());
                field.patch = Some(Strategy { name: name.to_owned(), key });
            }
            _ => {}
        }
    }
    (name, field)
}

fn of_type(word: &str, names: &HashMap<&str, usize>) -> Type {
    let Some(mark) = word.get(..1) else { return Type::Any };
    let rest = &word[1..];
    match mark {
        "s" => Type::Text,
        "i" => Type::Whole,
        "n" => Type::Number,
        "b" => Type::Truth,
        "q" => Type::Quantity,
        "x" => Type::Either,
        "t" => Type::Time,
        "@" => names.get(rest).map_or(Type::Any, |index| Type::Named(*index)),
        "{" => Type::Map(Arc::new(of_type(rest, names)), Relation::Granular),
        "!" if rest.starts_with('{') => Type::Map(Arc::new(of_type(&rest[1..], names)), Relation::Atomic),
        "!" => of_type(rest, names),
        "[" => list(rest, names),
        _ => Type::Any,
    }
}

fn list(rest: &str, names: &HashMap<&str, usize>) -> Type {
    if let Some(of) = rest.strip_prefix('=') {
        return Type::List(Arc::new(of_type(of, names)), Items::Set);
    }
    match rest.split_once(':') {
        Some((keys, of)) => {
            let keys = keys.split(',').map(str::to_owned).collect();
            Type::List(Arc::new(of_type(of, names)), Items::Keyed(keys))
        }
        None => Type::List(Arc::new(of_type(rest, names)), Items::Atomic),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_table_holds_what_apply_goes_by() {
        let table = table();
        let deployment = table.kinds.iter().find(|kind| kind.kind == "Deployment").unwrap();
        assert_eq!(
            (deployment.group.as_str(), deployment.short_names.as_slice()),
            ("apps", &["deploy".to_owned()][..])
        );
        let template = deployment.of.child("spec").unwrap().child("template").unwrap();
        let containers = template.child("spec").unwrap().child("containers").unwrap();
        let Type::List(container, Items::Keyed(keys)) = containers else { panic!("{containers:?}") };
        assert_eq!(keys, &["name"]);
        let Type::List(port, Items::Keyed(keys)) = container.child("ports").unwrap() else { panic!() };
        assert_eq!(keys, &["containerPort", "protocol"]);
        assert_eq!(port.field("protocol").unwrap().default, Some(json!("TCP")));
        let strategy = container.field("ports").unwrap().patch.clone().unwrap();
        assert_eq!((strategy.name.as_str(), strategy.key.as_deref()), ("merge", Some("containerPort")));
        assert_eq!(container.field("resources").unwrap().written, Written::Always);
    }
}
