//! What tests of several crates need: real clusters, real tools, waiting with a bound. Development only.
//!
//! It knows nothing of the crates under test. A missing tool fails the test that wants it and says how to get
//! it; nothing is skipped. Entry points: [`cluster::real`], [`tool`], [`eventually`].

pub mod cluster;

mod eventually;
mod tool;

pub use eventually::eventually;
pub use tool::tool;
