//! A backup of the log of a running platform.

use bytes::Bytes;
use futures::{StreamExt, stream, stream::BoxStream};

use super::client::Client;
use crate::{cli::ApiOptions, exit::Exit, problem::Problem, state_folder::chain};

/// Its bytes, as they come.
pub async fn backup(options: &ApiOptions) -> Result<BoxStream<'static, Result<Bytes, Problem>>, Problem> {
    let answer = Client::new(options)?.open("backup", &[]).await?;
    let told = stream::try_unfold(answer, async |mut answer| {
        let chunk = answer.chunk().await.map_err(|error| {
            let message = format!("the platform broke the backup off: {}", chain(&error));
            Problem::new("API-ENDED", message, "look at its log, and run the command again")
                .ending(Exit::Failed)
        })?;
        Ok(chunk.map(|chunk| (chunk, answer)))
    });
    Ok(told.boxed())
}
