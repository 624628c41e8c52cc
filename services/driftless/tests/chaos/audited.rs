//! The audit ledger of the platform, held against the log that it follows.

use std::{fs, path::PathBuf, process::Command, time::Duration};

use serde_json::Value;
use testkit::eventually;

use crate::platform::{Backend, Platform};

/// For an auditor that was killed, or stands still.
const BOUND: Duration = Duration::from_secs(120);

impl Platform {
    fn ledger_in(&self) -> PathBuf {
        self.folder().join(match self.backend {
            Backend::Nats => "auditor",
            Backend::Embedded => "up",
        })
    }

    /// Where the copy of the ledger is kept.
    pub fn copy(&self) -> PathBuf {
        self.folder().join("copy")
    }

    /// Waits until the ledger has so many entries, ends everything, and checks that it is whole and lacks nothing.
    pub async fn end_audited(&mut self, events: usize) {
        let checkpoint = self.copy().join("checkpoint");
        let signed = || fs::read_to_string(&checkpoint).ok()?.lines().nth(1)?.parse::<usize>().ok();
        eventually(BOUND, "the ledger to have it all", async || {
            self.revive();
            signed().filter(|signed| *signed >= events)
        })
        .await;
        self.kill_all();
        let told = verify(&["--state", &self.ledger_in().display().to_string()]);
        assert!(told["missing"].as_array().unwrap().is_empty(), "{told}");
        assert!(told["entries"].as_u64().unwrap() >= events as u64, "{told}, and the log has {events}");
        let key = self.ledger_in().join("ledger/verifier-key").display().to_string();
        let copy = verify(&["--copy", &self.copy().display().to_string(), "--key", &key]);
        eprintln!(
            "  the ledger has {} entries of {} logs, the copy {}",
            told["entries"], told["logs"], copy["entries"]
        );
    }
}

fn verify(options: &[&str]) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_driftless"));
    let output = command.args(["audit", "verify", "-o", "json"]).args(options).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}
