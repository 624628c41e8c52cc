//! The two that are held against each other.

use std::{sync::OnceLock, time::Duration};

use bytes::Bytes;
use jiff::Timestamp;
use kubesim::{Answer, Cluster, Controllers, News};

use crate::{
    compare::Normal,
    step::{Expect, Step},
};

/// What one side answers.
#[derive(Debug, Clone)]
pub struct Answered {
    pub code: u16,
    pub warnings: Vec<String>,
    pub text: String,
}

/// The simulator, without a wire.
pub struct Sim(Cluster);

impl Sim {
    pub fn new() -> Self {
        Self(Cluster::new(1, Timestamp::now()).with_controllers(Controllers::None))
    }

    pub fn run(&mut self, step: &Step, namespace: &str, normal: &Normal) -> Answered {
        let target = normal.filled(&step.target(), namespace);
        let body =
            step.body.as_ref().map(|body| normal.filled(&body.to_string(), namespace)).unwrap_or_default();
        let mut request =
            http::Request::builder().method(step.method).uri(target).header("user-agent", "suite/1");
        if !step.content.is_empty() {
            request = request.header("content-type", step.content);
        }
        let request = request.body(Bytes::from(body)).unwrap();
        match self.0.handle(&request, Timestamp::now()) {
            Answer::Whole(response) => {
                let warnings = response.headers().get_all("warning").iter();
                let warnings = warnings.map(|warning| warning.to_str().unwrap().to_owned()).collect();
                let text = String::from_utf8(response.body().to_vec()).unwrap();
                Answered { code: response.status().as_u16(), warnings, text }
            }
            Answer::Watch(mut watch) => {
                let (News::Lines(lines) | News::Last(lines)) = watch.next(&self.0, Timestamp::now());
                Answered { code: 200, warnings: vec![], text: String::from_utf8(lines.to_vec()).unwrap() }
            }
        }
    }
}

/// A real API server.
pub struct Real {
    client: reqwest::blocking::Client,
    server: String,
    token: String,
}

/// What the real server does behind a request takes it a second or two at most.
const BOUND: Duration = Duration::from_secs(60);

impl Real {
    pub fn connect() -> Self {
        static FILE: OnceLock<String> = OnceLock::new();
        let file = FILE.get_or_init(|| {
            let _ = rustls::crypto::ring::default_provider().install_default();
            std::fs::read_to_string(testkit::cluster::real("kubesim").kubeconfig_file()).unwrap()
        });
        let after = |mark: &str| {
            let rest = file.split_once(mark).unwrap().1;
            rest.split(['\n', '}']).next().unwrap().trim().to_owned()
        };
        // Its certificate authority is its own, on loopback.
        let client = reqwest::blocking::Client::builder()
            .danger_accept_invalid_certs(true)
            .no_proxy()
            .build()
            .unwrap();
        Self { client, server: after("server:"), token: after("token:") }
    }

    pub fn run(&self, step: &Step, namespace: &str, normal: &Normal) -> Answered {
        let begun = std::time::Instant::now();
        loop {
            let answered = self.once(step, namespace, normal);
            let over = match step.expect {
                Expect::Until(code) | Expect::Quietly(code) => answered.code == code,
                Expect::UntilHolds(text) => answered.text.contains(text),
                Expect::Answer => true,
            };
            if over {
                return answered;
            }
            assert!(begun.elapsed() < BOUND, "{step}: still {}: {}", answered.code, answered.text);
            std::thread::yield_now();
        }
    }

    fn once(&self, step: &Step, namespace: &str, normal: &Normal) -> Answered {
        let url = format!("{}{}", self.server, normal.filled(&step.target(), namespace));
        let method = step.method.parse().unwrap();
        let mut request =
            self.client.request(method, url).bearer_auth(&self.token).header("user-agent", "suite/1");
        if !step.content.is_empty() {
            request = request.header("content-type", step.content);
        }
        if let Some(body) = &step.body {
            request = request.body(normal.filled(&body.to_string(), namespace));
        }
        let response = request.send().unwrap();
        let warnings = response.headers().get_all("warning").iter();
        let warnings = warnings.map(|warning| warning.to_str().unwrap().to_owned()).collect();
        Answered { code: response.status().as_u16(), warnings, text: response.text().unwrap() }
    }

    /// Nobody empties namespaces there: it goes once the cluster does. A definition would slow the server down.
    pub fn forget(&self, namespace: &str) {
        let definition =
            format!("apis/apiextensions.k8s.io/v1/customresourcedefinitions/carts.{namespace}.example");
        for path in [definition, format!("api/v1/namespaces/{namespace}")] {
            let _ = self.client.delete(format!("{}/{path}", self.server)).bearer_auth(&self.token).send();
        }
    }
}
