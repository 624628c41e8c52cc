//! Options of whoever goes to a log on NATS, besides its address.

use std::path::PathBuf;

use bus::{Credentials, LogConfig, NatsConfig};
use clap::Args;
use model::definition::SecretRef;

use super::secret_place;
use crate::{problem::Problem, secret};

/// Servers that may keep a stream. Source: the bound of JetStream.
const REPLICAS_MAX: i64 = 5;

#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
#[command(next_help_heading = "Access to NATS")]
pub struct NatsOptions {
    /// Address of its monitoring endpoint, to check that it writes before it acknowledges
    #[arg(long, value_name = "URL")]
    pub nats_monitoring: Option<String>,
    /// Credentials file: a JWT and an nkey
    #[arg(long, value_name = "F", conflicts_with = "nats_user")]
    pub nats_credentials: Option<PathBuf>,
    /// User, with --nats-password
    #[arg(long, value_name = "NAME", requires = "nats_password")]
    pub nats_user: Option<String>,
    /// Where the password is: file:PATH or env:NAME
    #[arg(long, value_name = "WHERE", value_parser = secret_place, requires = "nats_user")]
    pub nats_password: Option<SecretRef>,
    /// Certificates (PEM) of the authorities to trust; the connection is TLS then, as with tls:// [default: the
    /// system's]
    #[arg(long, value_name = "F")]
    pub nats_ca_file: Option<PathBuf>,
    /// Servers of the NATS cluster that keep each stream, 1 to 5 [default: as it is, and 1 for a new log]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=REPLICAS_MAX))]
    pub nats_replicas: Option<u8>,
}

impl NatsOptions {
    /// The log at that address.
    pub fn log(&self, url: &str) -> Result<LogConfig, Problem> {
        let credentials = match (&self.nats_credentials, &self.nats_user, &self.nats_password) {
            (Some(file), _, _) => Credentials::File(file.clone()),
            (None, Some(user), Some(place)) => Credentials::Password {
                user: user.clone(),
                password: secret::read(place, "--nats-password")?,
            },
            (None, _, _) => Credentials::None,
        };
        let plain = LogConfig::nats(url);
        Ok(match plain {
            LogConfig::Nats(nats) => LogConfig::Nats(NatsConfig {
                credentials,
                monitoring: self.nats_monitoring.clone(),
                replicas: self.nats_replicas.map(usize::from),
                authority: self.nats_ca_file.clone(),
                ..nats
            }),
            LogConfig::Embedded(_) => plain,
        })
    }

    /// Refuses to ignore them where no server is named.
    pub fn check_unused(&self) -> Result<(), Problem> {
        if *self == Self::default() {
            return Ok(());
        }
        Err(Problem::new("USAGE", "options about NATS are given, but no server", "add --nats URL"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_to_get_in_reaches_the_log() {
        let folder = tempfile::tempdir().unwrap();
        let password = folder.path().join("password");
        std::fs::write(&password, "open-sesame\n").unwrap();
        let options = NatsOptions {
            nats_user: Some("driftless".to_owned()),
            nats_password: Some(SecretRef::File(password)),
            nats_ca_file: Some("ca.pem".into()),
            nats_replicas: Some(3),
            ..NatsOptions::default()
        };
        assert!(options.check_unused().is_err());
        let Ok(LogConfig::Nats(config)) = options.log("tls://nats:4222") else { panic!("that is NATS") };
        assert!(matches!(config.credentials, Credentials::Password { user, password }
            if user == "driftless" && password == "open-sesame"));
        assert_eq!((config.authority, config.replicas), (Some("ca.pem".into()), Some(3)));
        assert!(NatsOptions::default().check_unused().is_ok());
    }
}
