//! Commits.

use std::collections::BTreeMap;

use crate::{
    dice::Dice,
    repository::{Application, Deletion, Health, Repository},
    world::World,
};

/// Most objects of an application that is made.
const MAPS_MAX: usize = 7;

/// The first commit.
pub fn populate(repository: &mut Repository, applications: usize, dice: &Dice) {
    repository.commits = 1;
    for _ in 0..applications {
        add_application(repository, dice);
    }
}

/// Some commit.
pub fn commit(world: &World) {
    let dice = &world.dice;
    let mut git = world.git();
    git.commits += 1;
    let what = change(&mut git, dice);
    world.trace.tell("git", format!("commit {}: {what}", git.commits));
}

fn change(git: &mut Repository, dice: &Dice) -> String {
    let all: Vec<String> = git.applications.keys().cloned().collect();
    let Some(name) = dice.pick(&all).cloned() else { return add_application(git, dice) };
    let name = &name;
    match dice.among(0..12) {
        0 => return add_application(git, dice),
        1 => {
            git.applications.remove(name);
            return format!("{name} is gone");
        }
        2 => return move_map(git, name, &all, dice),
        _ => {}
    }
    let next = git.commits;
    let Some(application) = git.applications.get_mut(name) else { return String::new() };
    let maps: Vec<String> = application.maps.keys().cloned().collect();
    match (dice.among(0..8), dice.pick(&maps)) {
        (0, _) => {
            application.health = Health::Broken;
            format!("{name} is broken")
        }
        (1, _) => {
            application.deletion = deletion(dice);
            format!("{name} is let go by {:?}", application.deletion)
        }
        (2 | 3, Some(map)) => {
            application.maps.remove(map);
            format!("{map} of {name} is gone")
        }
        (4 | 5, Some(map)) => {
            application.maps.insert(map.clone(), data(dice));
            application.health = Health::Good;
            format!("{map} of {name} is changed")
        }
        (_, _) => {
            let map = format!("map-{next}");
            application.maps.insert(map.clone(), data(dice));
            application.health = Health::Good;
            format!("{map} of {name} is new")
        }
    }
}

fn move_map(git: &mut Repository, from: &str, all: &[String], dice: &Dice) -> String {
    let Some(to) = dice.pick(all).filter(|to| *to != from) else { return "nothing".to_owned() };
    let maps: Vec<String> =
        git.applications.get(from).into_iter().flat_map(|it| it.maps.keys().cloned()).collect();
    let Some(map) = dice.pick(&maps) else { return "nothing".to_owned() };
    let moved = git.applications.get_mut(from).and_then(|it| it.maps.remove(map)).unwrap_or_default();
    if let Some(receiver) = git.applications.get_mut(to) {
        receiver.maps.insert(map.clone(), moved);
    }
    format!("{map} moves from {from} to {to}")
}

fn add_application(git: &mut Repository, dice: &Dice) -> String {
    let next = git.commits;
    // A name that was there before comes back now and then.
    let name = (0..)
        .map(|i| format!("app-{i}"))
        .find(|name| !git.applications.contains_key(name))
        .unwrap_or_default();
    let maps = (0..dice.among(1..MAPS_MAX)).map(|i| (format!("map-{next}-{name}-{i}"), data(dice))).collect();
    let application = Application { deletion: deletion(dice), maps, health: Health::Good };
    git.applications.insert(name.clone(), application);
    format!("{name} is new")
}

fn deletion(dice: &Dice) -> Deletion {
    if dice.happens(500) { Deletion::Orphan } else { Deletion::Delete }
}

fn data(dice: &Dice) -> BTreeMap<String, String> {
    let keys = ["a", "b", "c"];
    let chosen = keys.into_iter().take(dice.among(1..4));
    chosen.map(|key| (key.to_owned(), dice.among(0..1000).to_string())).collect()
}
