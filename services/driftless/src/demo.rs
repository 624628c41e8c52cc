//! `driftless demo`: a platform, three simulated clusters and a repository, all in this process, and a story about
//! them. Whatever it says happened was looked up on the clusters.

mod cluster;
mod files;
mod stage;
mod story;
mod tell;

use crate::{cli::DemoOptions, exit::Exit, problem::Problem, role, terminal};
use stage::Stage;

/// Tells the story; with `--keep`, everything runs on until it is told to stop.
pub async fn demo(options: DemoOptions) -> Result<Exit, Problem> {
    let stop = role::stop_on_signal();
    let mut stage = Stage::set_up(&options, stop.clone()).await?;
    let told = tokio::select! {
        told = story::tell(&mut stage) => told,
        () = stop.cancelled() => Err(Problem::new("DEMO", "it was stopped", "run it again")),
    };
    if told.is_ok() && options.keep {
        terminal::line("");
        stage.hints().iter().for_each(|line| terminal::line(line));
        tokio::select! {
            // A service that ends because it was told to is none that ended early.
            biased;
            () = stop.cancelled() => {}
            ended = stage.ended() => return Err(ended),
        }
    }
    stage.take_down().await;
    told.map(|()| Exit::Success)
}
