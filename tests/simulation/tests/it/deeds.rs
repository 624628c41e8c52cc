//! What people do in Git, what others do on clusters, and what befalls processes.

mod git;
mod hands;
mod process;

pub use git::populate;

use crate::world::World;

/// Does something.
pub fn one(world: &mut World) {
    match world.dice.among(0..20) {
        0..=7 => git::commit(world),
        8..=13 => hands::meddle(world),
        _ => process::befall(world),
    }
}
