//! Where a rule is known to be broken, and why. The list can only shrink: an entry that excuses nothing fails.

use crate::Violation;

/// Only these can be excused. The others are what the design rests on.
const EXCUSABLE: &[&str] = &["file-size", "function-size", "banned-call"];

const PATH: &str = "tests/architecture/exceptions.txt";

/// So many there are: whoever removes one lowers it, and nobody raises it.
const ENTRIES_MAX: usize = 1;

/// The parsed list: one exception a line, `RULE PATH ITEM # reason`.
pub struct Exceptions(Vec<Exception>);

struct Exception {
    rule: String,
    path: String,
    item: String,
    line: usize,
}

impl Exceptions {
    /// Reads the list.
    ///
    /// # Errors
    /// On the first line that is no exception, or gives no reason.
    pub fn parse(text: &str) -> Result<Self, String> {
        let lines = text.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let entries: Vec<_> =
            lines.map(|(index, line)| Exception::parse(index + 1, line)).collect::<Result<_, _>>()?;
        match entries.len() {
            ..=ENTRIES_MAX => Ok(Self(entries)),
            more => Err(format!("{PATH}: {more} exceptions, {ENTRIES_MAX} before: the list only shrinks")),
        }
    }

    /// The violations that nothing excuses, and one more for every exception that excuses nothing.
    pub fn apply(&self, violations: Vec<Violation>) -> Vec<Violation> {
        let idle = self.0.iter().filter(|exception| !violations.iter().any(|v| exception.excuses(v)));
        let idle: Vec<_> = idle.map(Exception::is_idle).collect();
        let unexcused =
            violations.into_iter().filter(|v| !self.0.iter().any(|exception| exception.excuses(v)));
        unexcused.chain(idle).collect()
    }
}

impl Exception {
    fn parse(line: usize, text: &str) -> Result<Self, String> {
        let wrong = |what: &str| format!("{PATH}:{line}: {what}, expected `RULE PATH ITEM # reason`");
        let (entry, reason) = text.split_once('#').ok_or_else(|| wrong("no reason"))?;
        let &[rule, path, item] = entry.split_whitespace().collect::<Vec<_>>().as_slice() else {
            return Err(wrong("not three words"));
        };
        if reason.trim().is_empty() {
            return Err(wrong("no reason"));
        }
        if !EXCUSABLE.contains(&rule) {
            return Err(wrong(&format!("`{rule}` cannot be excused")));
        }
        Ok(Self { rule: rule.to_owned(), path: path.to_owned(), item: item.to_owned(), line })
    }

    fn excuses(&self, violation: &Violation) -> bool {
        (self.rule.as_str(), &self.path, &self.item) == (violation.rule, &violation.path, &violation.item)
    }

    fn is_idle(&self) -> Violation {
        Violation {
            rule: "idle-exception",
            path: PATH.to_owned(),
            line: self.line,
            item: "-".to_owned(),
            problem: format!("{} {} {} is not needed any more", self.rule, self.path, self.item),
            fix: "remove the line",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn long(function: &str) -> Violation {
        let (path, item) = ("shared/plan/src/order.rs".to_owned(), function.to_owned());
        Violation { rule: "function-size", path, line: 3, item, problem: String::new(), fix: "" }
    }

    const LIST: &str =
        "# Why this list exists.\n\nfunction-size shared/plan/src/order.rs f # one-line arms\n";

    #[test]
    fn an_exception_excuses_its_own_item_only() {
        let left = Exceptions::parse(LIST).unwrap().apply(vec![long("f"), long("g")]);
        assert_eq!(left, [long("g")]);
    }

    #[test]
    fn an_idle_exception_is_found() {
        let left = Exceptions::parse(LIST).unwrap().apply(Vec::new());
        assert_eq!((left.len(), left[0].rule, left[0].line), (1, "idle-exception", 3));
    }

    #[test]
    fn the_list_grows_no_more() {
        let line = "function-size shared/plan/src/order.rs f # one-line arms\n";
        assert!(Exceptions::parse(&line.repeat(ENTRIES_MAX)).is_ok());
        assert!(Exceptions::parse(&line.repeat(ENTRIES_MAX + 1)).is_err());
    }

    #[test]
    fn a_line_without_reason_or_for_an_edge_is_refused() {
        for line in ["function-size a f", "function-size a f # ", "function-size a # b", "crate-edge a - # b"]
        {
            assert!(Exceptions::parse(line).is_err(), "{line}");
        }
    }
}
