//! Which title a log has to a cluster, by what a Lease of its own install tells. It rests on nothing that the log itself
//! appends: what has no title today has none tomorrow.

use bus::{Kinship, Lineage};

use super::statement::{Statement, Told};

/// Which title a log has to a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Title {
    /// The Lease was written from this very log.
    Own,
    /// It knows all that was done, or holds nothing that could be outdated: the cluster is its own as soon as whoever
    /// has it is over.
    Heir,
    /// This was done, and it does not know of it.
    Outdated(String),
    /// A copy of it has the cluster.
    Superseded,
}

/// Decides for the log of that incarnation and lineage.
pub(super) fn title(incarnation: &str, lineage: &Lineage, told: &Statement) -> Title {
    if told.log.as_deref() != Some(incarnation) {
        return among_logs(incarnation, lineage, told);
    }
    let restoration = match told.restoration.as_deref().map(str::parse) {
        None => None,
        Some(Ok(restoration)) => Some(restoration),
        Some(Err(_)) => return Title::Superseded,
    };
    match (lineage.kinship(restoration), &told.acted) {
        (Kinship::Same, _) => Title::Own,
        (Kinship::Branch, _) => Title::Superseded,
        (Kinship::Ancestor { .. }, _) if told.acting => {
            Title::Outdated("what was being done last".to_owned())
        }
        (Kinship::Ancestor { .. }, None) => Title::Heir,
        (Kinship::Ancestor { at }, Some(Told::Event(acted))) if acted.sequence <= at => Title::Heir,
        (Kinship::Ancestor { .. }, Some(acted)) => {
            Title::Outdated(format!("what was acted on last, {acted},"))
        }
    }
}

/// A log that began empty has its inventories from the cluster. One that had the cluster before, or that was restored,
/// has some of its own, from before the other log.
fn among_logs(incarnation: &str, lineage: &Lineage, told: &Statement) -> Title {
    let was_here = told.logs_before.iter().any(|log| log == incarnation);
    if !was_here && lineage.newest().is_none() {
        return Title::Heir;
    }
    let other = told.log.as_deref().unwrap_or("unknown");
    Title::Outdated(format!("what was done from another log, {other},"))
}

#[cfg(test)]
mod tests {
    use bus::{Restoration, RestorationId};
    use model::{Aggregate, Digest};

    use super::{super::statement::Acted, *};

    fn acted_at(sequence: u64) -> Acted {
        let aggregate = Aggregate::from_words(&["sync", "eu-1", "shop"]).unwrap();
        let id = Digest::of(b"event").to_string().parse().unwrap();
        Acted { aggregate, n: 12, id, sequence, retired: false }
    }

    fn told(log: &str, restoration: Option<RestorationId>) -> Statement {
        let restoration = restoration.map(|id| id.to_string());
        Statement { log: Some(log.to_owned()), restoration, ..Statement::default() }
    }

    #[test]
    fn a_log_has_a_cluster_if_it_knows_all_that_was_done_there() {
        let [first, second, other] = [(); 3].map(|()| RestorationId::random());
        let never = Lineage::default();
        let once = |at| never.clone().restored(Restoration { id: first, at });
        let twice = |at| once(at).restored(Restoration { id: second, at: 90 });
        let acted = Some(Told::Event(acted_at(70)));
        let outdated = Title::Outdated(String::new());
        let rows = [
            ("the same log", &never, told("log", None), Title::Own),
            ("the same restored one", &twice(60), told("log", Some(second)), Title::Own),
            ("the original, after the backup", &once(60), told("log", None), outdated.clone()),
            ("the original, before it", &once(70), told("log", None), Title::Heir),
            ("that, restored twice", &twice(70), told("log", None), Title::Heir),
            ("restored in between", &twice(60), told("log", Some(first)), Title::Heir),
            ("the original, restored twice", &twice(60), told("log", None), outdated.clone()),
            ("a copy of mine", &never, told("log", Some(first)), Title::Superseded),
            ("another copy of the same", &once(70), told("log", Some(other)), Title::Superseded),
            ("a new log", &never, told("old", None), Title::Heir),
            ("a restored one after a new log", &once(900), told("new", None), outdated.clone()),
        ];
        for (what, mine, told, expected) in rows {
            let told = Statement { acted: acted.clone(), ..told };
            assert_eq!(blurred(title("log", mine, &told)), expected, "{what}");
        }
        for (what, mine, told, expected) in [
            (
                "while it acts, all known",
                once(900),
                Statement { acting: true, acted, ..told("log", None) },
                outdated.clone(),
            ),
            (
                "while it acts, nothing told",
                once(900),
                Statement { acting: true, ..told("log", None) },
                outdated.clone(),
            ),
            ("nothing was done", once(0), told("log", None), Title::Heir),
            (
                "not understood",
                once(900),
                Statement { acted: Some(Told::Unreadable("?".to_owned())), ..told("log", None) },
                outdated.clone(),
            ),
            (
                "a restoration that is not understood",
                once(900),
                Statement { restoration: Some("?".to_owned()), ..told("log", None) },
                Title::Superseded,
            ),
            (
                "it had the cluster before",
                never,
                Statement { logs_before: vec!["log".to_owned()], ..told("new", None) },
                outdated,
            ),
        ] {
            assert_eq!(blurred(title("log", &mine, &told)), expected, "{what}");
        }
    }

    /// Without the words for people.
    fn blurred(title: Title) -> Title {
        match title {
            Title::Outdated(_) => Title::Outdated(String::new()),
            title @ (Title::Own | Title::Heir | Title::Superseded) => title,
        }
    }
}
