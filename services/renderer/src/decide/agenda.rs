//! When to decide about which render again.

use std::collections::{BTreeMap, BTreeSet};

use model::{Aggregate, Timestamp};

/// One appointment for each render, earliest first.
#[derive(Debug, Default)]
pub struct Agenda {
    by_render: BTreeMap<Aggregate, Timestamp>,
    by_time: BTreeSet<(Timestamp, Aggregate)>,
}

impl Agenda {
    /// Moves the appointment of a render to an instant.
    pub fn set(&mut self, render: Aggregate, at: Timestamp) {
        if let Some(before) = self.by_render.insert(render.clone(), at) {
            self.by_time.remove(&(before, render.clone()));
        }
        self.by_time.insert((at, render));
    }

    /// Takes out the earliest appointment that is due.
    pub fn take_due(&mut self, now: Timestamp) -> Option<Aggregate> {
        if self.first()? > now {
            return None;
        }
        let (_, render) = self.by_time.pop_first()?;
        self.by_render.remove(&render);
        Some(render)
    }

    /// The earliest appointment.
    pub fn first(&self) -> Option<Timestamp> {
        self.by_time.first().map(|(at, _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use model::Digest;

    use super::*;

    #[test]
    fn what_is_due_comes_out_once_and_in_order() {
        let render = |name: &str| Aggregate::Render {
            application: name.parse().unwrap(),
            parameters: Digest::of(b""),
        };
        let at = Timestamp::from_millis;
        let mut agenda = Agenda::default();
        agenda.set(render("a"), at(5));
        agenda.set(render("b"), at(3));
        agenda.set(render("c"), at(9));
        agenda.set(render("a"), at(1));
        assert_eq!(agenda.take_due(at(4)), Some(render("a")));
        assert_eq!(agenda.take_due(at(4)), Some(render("b")));
        assert_eq!(agenda.take_due(at(4)), None);
        assert_eq!(agenda.first(), Some(at(9)));
    }
}
