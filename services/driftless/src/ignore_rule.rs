//! `--ignore KIND[.GROUP][/NAME]:POINTER`, or a field manager in the pointer's place.

use model::definition::IgnoreRule;

/// Reads a rule: `Deployment:/spec/replicas`, `*/web:/metadata/annotations/a~1b`, `Service:some-controller`.
pub fn parse(text: &str) -> Result<IgnoreRule, String> {
    let expected = || "KIND[.GROUP][/NAME]:POINTER is expected, such as Deployment:/spec/replicas".to_owned();
    let (object, what) = text.split_once(':').ok_or_else(expected)?;
    if object.is_empty() || what.is_empty() {
        return Err(expected());
    }
    let (kind, name) = match object.split_once('/') {
        Some((kind, name)) => (kind, Some(name)),
        None => (object, None),
    };
    let (kind, group) = match kind.split_once('.') {
        Some((kind, group)) => (kind, Some(group)),
        None => (kind, None),
    };
    let some = |text: &str| (text != "*").then(|| text.to_owned());
    let mut rule = IgnoreRule {
        group: group.and_then(some),
        kind: some(kind),
        name: name.and_then(some),
        ..IgnoreRule::default()
    };
    let place = if what.starts_with('/') { &mut rule.pointers } else { &mut rule.managers };
    place.push(what.to_owned());
    match rule.problem() {
        Some(problem) => Err(problem),
        None => Ok(rule),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_as_people_write_them() {
        let read = |text: &str| {
            parse(text).map(|rule| {
                let part = |part: Option<String>| part.unwrap_or_else(|| "any".into());
                let what = [rule.pointers, rule.managers].concat().join(" ");
                format!("{} {} {} {what}", part(rule.group), part(rule.kind), part(rule.name))
            })
        };
        for (text, expected) in [
            ("Deployment:/spec/replicas", "any Deployment any /spec/replicas"),
            ("Deployment.apps/web:/spec/replicas", "apps Deployment web /spec/replicas"),
            ("*/web:/metadata/annotations/a~1b", "any any web /metadata/annotations/a~1b"),
            ("Service:driftless:other", "any Service any driftless:other"),
        ] {
            assert_eq!(read(text), Ok(expected.to_owned()), "{text}");
        }
        for bad in ["Deployment", ":/spec", "Deployment:", "Deployment:/metadata/name", "Deployment:/a~9"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
