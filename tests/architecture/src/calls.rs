//! Calls that have no place here: unfinished code, and waiting for time to pass instead of for what should happen.

use crate::source::Mention;
use crate::{Tree, Violation};

/// Where time is simulated: a wait there takes none, and is part of the story.
const SIMULATION: &str = "tests/simulation/";

/// Whose time passes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Clock {
    Real,
    Simulated,
}

pub fn calls(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for source in &tree.sources {
        let clock = if source.path.starts_with(SIMULATION) { Clock::Simulated } else { Clock::Real };
        for mention in &source.mentions {
            if let Some(fix) = fix_for(mention, clock) {
                found.push(Violation {
                    rule: "banned-call",
                    path: source.path.clone(),
                    line: mention.line,
                    item: mention.function.clone(),
                    problem: format!("`{}`", mention.path),
                    fix,
                });
            }
        }
    }
    found
}

fn fix_for(mention: &Mention, clock: Clock) -> Option<&'static str> {
    if ["todo!", "unimplemented!"].iter().any(|call| mention.ends_in(call)) {
        Some("finish it, or return an error that says what is missing")
    } else if mention.ends_in("thread::sleep") {
        Some("await the event, with a bound")
    } else if mention.in_test
        && clock == Clock::Real
        && (mention.ends_in("time::sleep") || mention.ends_in("time::sleep_until"))
    {
        Some(
            "await what should happen, with a bound: a test that sleeps is slow when right and flaky when wrong",
        )
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(String, String)> {
        let found = calls(&Tree::of(&[("services/differ/src/run.rs", text)]));
        found.into_iter().map(|violation| (violation.problem, violation.item)).collect()
    }

    #[test]
    fn each_banned_call_is_found() {
        for (text, call, function) in [
            ("fn f() { todo!() }", "`todo!`", "f"),
            ("fn f() { core::unimplemented!(\"later\") }", "`core::unimplemented!`", "f"),
            ("fn f() { std::thread::sleep(d) }", "`std::thread::sleep`", "f"),
            ("use std::thread::sleep;", "`std::thread::sleep`", "-"),
            ("#[tokio::test] async fn t() { tokio::time::sleep(d).await }", "`tokio::time::sleep`", "t"),
            ("#[cfg(test)] mod tests { use tokio::time::sleep; }", "`tokio::time::sleep`", "-"),
        ] {
            assert_eq!(found(text), [(call.to_owned(), function.to_owned())], "{text}");
        }
    }

    #[test]
    fn services_may_wait() {
        assert_eq!(found("async fn f() { tokio::time::sleep(d).await }"), []);
    }

    #[test]
    fn the_simulation_may_wait_in_its_own_time() {
        let waits = "async fn f() { tokio::time::sleep(d).await; std::thread::sleep(d) }";
        let of = |path: &str| calls(&Tree::of(&[(path, waits)])).len();
        assert_eq!((of("tests/simulation/tests/it/log.rs"), of("tests/scenarios/tests/it/scene.rs")), (1, 2));
    }
}
