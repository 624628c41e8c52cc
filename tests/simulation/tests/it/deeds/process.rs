//! What befalls processes.

use crate::{crew::Role, gate::Being, world::World};

/// Most processes of a role at once.
const PROCESSES_MAX: usize = 3;

/// Something befalls some process.
pub fn befall(world: &mut World) {
    let all = world.crew.processes.len();
    match world.dice.among(0..4) {
        0 if all > 0 => world.crew.kill(world.dice.among(0..all)),
        1 if all > 0 => world.crew.set(world.dice.among(0..all), Being::Frozen),
        2 if all > 0 => world.crew.set(world.dice.among(0..all), Being::Running),
        _ => {
            let role = *world.dice.pick(&Role::ALL).unwrap_or(&Role::Differ);
            let there = world.crew.processes.iter().filter(|process| process.role == role).count();
            if there < PROCESSES_MAX {
                world.crew.begin(role);
            }
        }
    }
}
