//! `driftless status --watch`

use std::collections::BTreeSet;

use gateway::wire::TargetStatus;
use serde_json::json;

use super::{
    client::Client,
    status::row,
    table::{self, Colours, Paint},
    watched::{Gone, Told, Watched},
};
use crate::{
    cli::{StatusOptions, StatusOutput},
    exit::Exit,
    problem::Problem,
    terminal,
};

/// Tells each change until the platform ends.
pub async fn follow(client: &Client, options: &StatusOptions) -> Result<Exit, Problem> {
    let mut watched = Watched::open(client).await?;
    let wants = |wanted: &Option<String>, name: &str| wanted.as_ref().is_none_or(|wanted| wanted == name);
    let mut there = There::default();
    loop {
        let told = watched.next().await?;
        for gone in there.gone(&told) {
            if wants(&options.application, &gone.application) && wants(&options.cluster, &gone.cluster) {
                tell_gone(&gone, options.output);
            }
        }
        if let Told::Status(target) = told
            && wants(&options.application, &target.application)
            && wants(&options.cluster, &target.cluster)
        {
            tell(&target, options.output);
        }
    }
}

/// The targets that are there, as far as it was told.
#[derive(Debug, Default)]
struct There {
    known: BTreeSet<Gone>,
    /// Those that were told since everything is told anew.
    again: BTreeSet<Gone>,
}

impl There {
    /// Takes up what is told; says what is no more.
    fn gone(&mut self, told: &Told) -> Vec<Gone> {
        match told {
            Told::Status(target) => {
                let id = Gone { cluster: target.cluster.clone(), application: target.application.clone() };
                self.known.insert(id.clone());
                self.again.insert(id);
                vec![]
            }
            // One that was never shown is not missed.
            Told::Gone(gone) => self.known.take(gone).into_iter().collect(),
            Told::Anew => {
                self.again.clear();
                vec![]
            }
            Told::Listed => {
                let gone = self.known.difference(&self.again).cloned().collect();
                self.known.clone_from(&self.again);
                gone
            }
        }
    }
}

fn tell(target: &TargetStatus, output: StatusOutput) {
    if output == StatusOutput::Json {
        return terminal::line(&json!(target).to_string());
    }
    let mut line = table::lines(&[row(target, output)], Colours::wanted()).concat();
    if let Some(problem) = &target.problem {
        line.push_str(&format!("  {}: {}", problem.code, table::clean(&problem.message)));
    } else if let Some(waiting) = &target.waiting {
        line.push_str(&format!("  {}", table::clean(waiting)));
    }
    terminal::line(&line);
}

fn tell_gone(Gone { cluster, application }: &Gone, output: StatusOutput) {
    if output == StatusOutput::Json {
        let gone = json!({"cluster": cluster, "application": application, "gone": true});
        return terminal::line(&gone.to_string());
    }
    let text = table::clean(&format!("{cluster}  {application}  gone"));
    terminal::line(&Paint::Faint.on(&text, Colours::wanted()));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(application: &str) -> Gone {
        Gone { cluster: "eu".into(), application: application.into() }
    }

    fn status(application: &str) -> Told {
        let text = format!(
            r#"{{"cluster":"eu","application":"{application}","sync":"InSync","health":"Healthy","revision":null,
            "desired":null,"objects":4,"drifted":0,"problem":null,"changed":null,
            "evaluated":{{"state":"Fresh","by":"a","seconds":3}}}}"#
        );
        Told::Status(serde_json::from_str(&text).unwrap())
    }

    #[test]
    fn what_is_no_more_is_told_once_however_it_is_learned() {
        let mut there = There::default();
        let mut gone = |told| there.gone(&told);
        for told in [status("a"), status("b"), status("c"), Told::Listed, Told::Gone(id("d"))] {
            assert_eq!(gone(told), []);
        }
        assert_eq!(gone(Told::Gone(id("a"))), [id("a")]);
        for told in [status("b"), Told::Anew, status("c")] {
            assert_eq!(gone(told), []);
        }
        assert_eq!(gone(Told::Listed), [id("b")]);
    }
}
