//! Asks the API.

use std::time::Duration;

use gateway::wire::Problem as WireProblem;
use reqwest::{RequestBuilder, Response};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{cli::ApiOptions, exit::Exit, problem::Problem, secret, state_folder::chain};

/// How long an answer may take; a stream has no such bound.
const WITHIN: Duration = Duration::from_secs(30);

/// How long a connection may take to be made.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// How long a stream may be silent: the server says something every 15 s.
const SILENT_FOR: Duration = Duration::from_secs(60);

/// Largest answer: the statuses of a hundred thousand targets.
const ANSWER_BYTES_MAX: usize = 256 * 1024 * 1024;

/// The API of one platform.
pub struct Client {
    http: reqwest::Client,
    server: String,
    token: Option<String>,
}

#[derive(Deserialize)]
struct Refused {
    problem: WireProblem,
}

impl Client {
    pub fn new(options: &ApiOptions) -> Result<Self, Problem> {
        let token = options.api_token.as_ref().map(|place| secret::read(place, "--api-token")).transpose()?;
        // An API on this machine is not reached by way of a proxy.
        let http = reqwest::Client::builder()
            .no_proxy()
            .connect_timeout(CONNECT_WITHIN)
            .read_timeout(SILENT_FOR)
            .build();
        let http = http.map_err(|error| Problem::new("BUG", chain(&error), "report it as a bug"))?;
        Ok(Self { http, server: options.server.trim_end_matches('/').to_owned(), token })
    }

    /// The document at a path.
    pub async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, Option<&str>)],
    ) -> Result<T, Problem> {
        self.document(self.open(path, query)).await
    }

    async fn document<T: DeserializeOwned>(
        &self,
        answer: impl Future<Output = Result<Response, Problem>>,
    ) -> Result<T, Problem> {
        let document = tokio::time::timeout(WITHIN, async {
            let mut answer = answer.await?;
            let mut bytes = vec![];
            while let Some(chunk) = answer.chunk().await.map_err(|error| self.unreachable(&error))? {
                bytes.extend_from_slice(&chunk);
                if bytes.len() > ANSWER_BYTES_MAX {
                    return Err(self.strange("the answer is too large"));
                }
            }
            serde_json::from_slice(&bytes).map_err(|error| self.strange(&error.to_string()))
        });
        document.await.unwrap_or_else(|_| {
            let message = format!("{} did not answer within {} s", self.server, WITHIN.as_secs());
            Err(Problem::new("API-TIMEOUT", message, "look at the log of the platform").ending(Exit::Failed))
        })
    }

    /// The document that something sent to a path is answered with.
    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, Problem> {
        self.document(async { self.send(self.http.post(self.at(path)).json(body)).await }).await
    }

    fn at(&self, path: &str) -> String {
        format!("{}/api/v1/{path}", self.server)
    }

    /// The answer at a path, its body not read yet.
    pub async fn open(&self, path: &str, query: &[(&str, Option<&str>)]) -> Result<Response, Problem> {
        let query: Vec<(&str, &str)> =
            query.iter().filter_map(|(name, value)| Some((*name, (*value)?))).collect();
        self.send(self.http.get(self.at(path)).query(&query)).await
    }

    async fn send(&self, mut request: RequestBuilder) -> Result<Response, Problem> {
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let answer = request.send().await.map_err(|error| self.unreachable(&error))?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let status = answer.status();
        let told = answer.bytes().await.ok().and_then(|bytes| serde_json::from_slice::<Refused>(&bytes).ok());
        Err(match told {
            Some(Refused { problem }) => {
                Problem::new(&problem.code, problem.message, &problem.remedy).ending(Exit::Failed)
            }
            None => self.strange(&format!("it answered {status}")),
        })
    }

    fn unreachable(&self, error: &reqwest::Error) -> Problem {
        let message = format!("no platform answers at {}: {}", self.server, chain(error));
        let remedy = "start one with `driftless up`, or name another with --server";
        Problem::new("API-UNREACHABLE", message, remedy).ending(Exit::Failed)
    }

    fn strange(&self, what: &str) -> Problem {
        let message = format!("{} is not the API of a platform: {what}", self.server);
        Problem::new("API-ANSWER", message, "check --server, and that both are of one version")
            .ending(Exit::Failed)
    }
}
