//! The programs that renders are made with, by the names that events record.

use model::definition::Rendering;

/// Raise it when the same files give other manifests because of our own code: everything is then rendered
/// anew.
pub const PIPELINE: u32 = 1;

/// What a render keeps busy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// The log for the most part, and a core for a moment.
    InProcess,
    /// A process of its own, and a core with it.
    Process,
}

impl Lane {
    /// Whether an order that was given room in this lane may do what needs room in the other.
    pub fn covers(self, needed: Self) -> bool {
        match (self, needed) {
            (Self::Process, _) | (Self::InProcess, Self::InProcess) => true,
            (Self::InProcess, Self::Process) => false,
        }
    }
}

/// Names and versions of the engines at hand, as events record them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Engines {
    plain: String,
    kustomize: String,
    helm: String,
}

impl Engines {
    /// The engines of these versions, such as `plain 1`, `kustomize v5.8.1` and `helm v3.19.0`.
    pub fn new(plain: &str, kustomize: &str, helm: &str) -> Self {
        let name = |version: &str| format!("{version}, pipeline {PIPELINE}");
        Self { plain: name(plain), kustomize: name(kustomize), helm: name(helm) }
    }

    /// The name of plain files.
    pub fn plain(&self) -> &str {
        &self.plain
    }

    /// The name of Kustomize.
    pub fn kustomize(&self) -> &str {
        &self.kustomize
    }

    /// The name of Helm.
    pub fn helm(&self) -> &str {
        &self.helm
    }

    /// Whether a render with the recorded engine would be made with the very same one today. Where the engine
    /// is detected, the files decide; while they are the same, so is the answer.
    pub fn admits(&self, rendering: &Rendering, recorded: &str) -> bool {
        match rendering {
            Rendering::Plain(_) => recorded == self.plain,
            Rendering::Kustomize => recorded == self.kustomize,
            Rendering::Helm(_) => recorded == self.helm,
            Rendering::Detect => {
                [&self.plain, &self.kustomize, &self.helm].iter().any(|name| *name == recorded)
            }
        }
    }

    /// The engine to name when none was reached: the one that is asked for.
    pub fn presumed(&self, rendering: &Rendering) -> &str {
        match rendering {
            Rendering::Plain(_) | Rendering::Detect => &self.plain,
            Rendering::Kustomize => &self.kustomize,
            Rendering::Helm(_) => &self.helm,
        }
    }

    /// What a render will keep busy, as far as can be told before its files are read; `recorded` is the engine
    /// of the render before.
    pub fn lane(&self, rendering: &Rendering, recorded: Option<&str>) -> Lane {
        match rendering {
            Rendering::Plain(_) => Lane::InProcess,
            Rendering::Kustomize | Rendering::Helm(_) => Lane::Process,
            Rendering::Detect => match recorded {
                Some(name) if name == self.kustomize || name == self.helm => Lane::Process,
                Some(_) | None => Lane::InProcess,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn engines(kustomize: &str) -> Engines {
        Engines::new("plain 1", kustomize, "helm v3.19.0")
    }

    #[test]
    fn only_a_process_takes_the_room_of_one() {
        use Lane::{InProcess, Process};
        let covers = [(InProcess, InProcess), (InProcess, Process), (Process, InProcess), (Process, Process)];
        assert_eq!(covers.map(|(lane, needed)| lane.covers(needed)), [true, false, true, true]);
        let engines = engines("kustomize v5.8.1");
        let lane = |recorded| engines.lane(&Rendering::Detect, recorded);
        assert_eq!(lane(None), InProcess);
        assert_eq!(lane(Some(engines.plain())), InProcess);
        assert_eq!(lane(Some(engines.kustomize())), Process);
        assert_eq!(engines.lane(&Rendering::Kustomize, Some(engines.plain())), Process);
    }

    #[test]
    fn an_upgrade_concerns_only_what_the_program_made() {
        let (old, new) = (engines("kustomize v5.7.0"), engines("kustomize v5.8.1"));
        for (rendering, recorded, current) in [
            (Rendering::Plain(Default::default()), old.plain(), true),
            (Rendering::Kustomize, old.kustomize(), false),
            (Rendering::Helm(Default::default()), old.helm(), true),
            (Rendering::Detect, old.plain(), true),
            (Rendering::Detect, old.helm(), true),
            (Rendering::Detect, old.kustomize(), false),
            (Rendering::Plain(Default::default()), old.helm(), false),
        ] {
            assert_eq!(new.admits(&rendering, recorded), current, "{rendering:?} {recorded}");
        }
    }
}
