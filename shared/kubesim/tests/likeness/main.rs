//! Every case runs against the simulator and against a real API server, and every answer has to be the same: status,
//! body, managed fields, texts. Only what differs between any two clusters is taken out: uids, versions, times.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod apply;
mod basics;
mod compare;
mod custom;
mod deletion;
mod discovery;
mod kinds;
mod patches;
mod random;
mod sides;
mod step;
mod watches;

use compare::Normal;
use sides::{Real, Sim};
use step::Step;

/// Runs the steps on both sides, each in a fresh namespace, and compares answer after answer.
#[track_caller]
fn alike(steps: &[Step]) {
    if let Some(difference) = difference(steps) {
        panic!("{difference}");
    }
}

/// The first answer in which the two sides differ.
fn difference(steps: &[Step]) -> Option<String> {
    let namespace = testkit::cluster::unique("kubesim");
    let (real, mut sim) = (Real::connect(), Sim::new());
    let mut normal = [Normal::new(&namespace), Normal::new(&namespace)];
    let body = serde_json::json!({"metadata": {"name": namespace}});
    let prelude = Step::post("/api/v1/namespaces", body).by("suite");
    let differs = std::iter::once(&prelude).chain(steps).enumerate().find_map(|(at, step)| {
        let answers = [real.run(step, &namespace, &normal[0]), sim.run(step, &namespace, &normal[1])];
        let [theirs, ours] = [0, 1].map(|side| normal[side].answer(step, &answers[side]));
        (ours != theirs).then(|| format!("step {at}, {step}\n{}", compare::difference(&theirs, &ours)))
    });
    real.forget(&namespace);
    differs
}
