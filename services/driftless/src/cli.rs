//! The command line.

mod audit;
mod backup;
mod nats;
mod platform;

use std::{path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum};
use model::{
    Digest,
    definition::{IgnoreRule, SecretRef},
};

pub use audit::{
    AtOptions, AuditCommand, AuditOptions, AuditorOptions, CopyOptions, LogOutput, PastStatusOptions,
    PastView, ProofOptions, RecordedOptions, VerifyOptions,
};
pub use backup::{BackupOptions, RestoreOptions};
pub use nats::NatsOptions;
pub use platform::{
    AnswerOptions, ApiOptions, ApproveOptions, DemoOptions, DescribeOptions, GatewayOptions, GetOptions,
    Kind, LogOptions, RequestOptions, StatusOptions, StatusOutput, UpOptions,
};

/// Keeps clusters in the state that Git describes.
#[derive(Debug, Parser)]
#[command(name = "driftless", version, max_term_width = 100)]
pub struct Cli {
    /// Say more: -v what services do, -vv everything (standard error; DRIFTLESS_LOG=filter for details)
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub verbose: u8,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Bring a cluster to the state that a folder of a repository describes, once; or have a platform do it now
    #[command(after_help = SYNC_HELP, mut_arg("repo", |repo| repo.required_unless_present("target")))]
    Sync(SyncOptions),
    /// Show what a sync would change, field by field; changes nothing
    #[command(after_help = DIFF_HELP, mut_arg("repo", |repo| repo.required(true)))]
    Diff(DiffOptions),
    /// See it work: a platform and three simulated clusters in one process, and a story about them
    Demo(DemoOptions),
    /// Run the whole platform in one process
    Up(UpOptions),
    /// Show how every application on every cluster is
    #[command(after_help = platform::STATUS_HELP)]
    Status(StatusOptions),
    /// List the sources, clusters or applications that are defined
    #[command(after_help = platform::QUESTION_HELP)]
    Get(GetOptions),
    /// Show all about one application on one cluster
    #[command(after_help = platform::QUESTION_HELP)]
    Describe(DescribeOptions),
    /// Let nothing happen to an application by itself; what would be done is shown
    #[command(after_help = platform::REQUEST_HELP)]
    Pause(RequestOptions),
    /// Go on with an application that was paused
    #[command(after_help = platform::REQUEST_HELP)]
    Resume(RequestOptions),
    /// Confirm an inventory that was rebuilt from its cluster: what is no longer in Git may be deleted
    #[command(after_help = platform::REQUEST_HELP)]
    Confirm(RequestOptions),
    /// Approve definitions that let go of more than the guard allows
    Approve(ApproveOptions),
    /// Show what happened to an application
    #[command(after_help = platform::QUESTION_HELP)]
    Log(LogOptions),
    /// Show how everything was at some time, from the audit ledger
    At(AtOptions),
    /// Write a log, with all that it names, to a file; also while a platform works on it
    #[command(after_help = BACKUP_HELP)]
    Backup(BackupOptions),
    /// Make the log that a backup is of, where none is
    #[command(after_help = RESTORE_HELP)]
    Restore(RestoreOptions),
    /// Run the fetcher: repositories to revisions
    Fetcher(FetcherOptions),
    /// Run the renderer: revisions to manifests
    Renderer(RoleOptions),
    /// Run the differ: manifests and live state to plans
    Differ(DifferOptions),
    /// Run the applier: plans to clusters
    Applier(RoleOptions),
    /// Run the gateway: the log to people and programs, and their requests back
    Gateway(GatewayRoleOptions),
    /// Run the auditor: the log to the audit ledger
    Auditor(AuditorOptions),
    /// Check the audit ledger, or prove what is in it; without the platform
    Audit(AuditOptions),
    /// Check definitions, in a folder or a repository: sources, clusters, applications
    #[command(after_help = LINT_HELP)]
    Lint(LintOptions),
    /// Print the JSON Schema of a kind of definition, for editors
    Schema {
        /// Which kind
        kind: KindName,
    },
    /// Print a completion script for a shell
    Completions {
        /// bash, zsh, fish, elvish or powershell
        shell: clap_complete::Shell,
    },
}

const SYNC_HELP: &str = "\
Examples:
  driftless sync --repo https://git.example/shop.git --path deploy/prod
  driftless sync --repo . --path deploy --context staging --prune --wait
  driftless sync --repo . --path chart --namespace shop --dry-run
  driftless sync --repo https://git.example/shop.git --path deploy --git-password env:CI_TOKEN -o json
  driftless sync --repo . --path deploy --ignore Deployment:/spec/replicas
  driftless sync shop
  driftless sync eu-1/shop --server https://driftless.example --api-token env:DRIFTLESS_TOKEN

Exit codes:
  0 in sync   1 the sync failed   2 usage or configuration   3 refused by a guard   4 not healthy in time

With -o json standard output is one document, and nothing else is told unless the run fails:
  version   1: fields may be added, none is renamed or removed
  outcome   InSync, Unhealthy, Failed, Refused
  revision  the commit that was rendered, or null
  health    Healthy, Progressing, Degraded, Suspended, Missing, Unknown, or null
  failure   {code, message, remedy}, or null; the code is stable
  objects   [{group, kind, namespace, name, outcome, failure}]
  notes     sentences: what was set aside or left out
For an application of a platform it is that of `driftless pause --help`.";

const DIFF_HELP: &str = "\
Examples:
  driftless diff --repo . --path deploy
  driftless diff --repo https://git.example/shop.git --path deploy --revision v1.4.2 -o json

Exit codes:
  0 no difference   1 there is a difference   2 or more: an error

With -o json standard output is one document:
  version  1: fields may be added, none is renamed or removed
  objects  [{group, kind, namespace, name, change, fields, reason}]
           change  create, change, prune, refused; reason: of a refusal, else null
           fields  [{path, change, before, after}], change: added, removed, changed, reordered;
                   secret values read ***
  notes    sentences
  or, when it fails, outcome and failure as `driftless sync --help` says";

const LINT_HELP: &str = "\
Examples:
  driftless lint fleet
  driftless lint . -o json
  driftless lint --fleet https://git.example/fleet.git#main --path prod

Exit codes:
  0 nothing is wrong, but for warnings   1 something is   2 usage or configuration

With -o json standard output is one document:
  version   1: fields may be added, none is renamed or removed
  problems  [{severity, code, file, line, column, message, remedy}]
            severity: error, warning; line and column: from 1, or null
  or, when they cannot be read or rendered, outcome and failure as `driftless sync --help` says";

const BACKUP_HELP: &str = "\
Examples:
  driftless backup --to driftless.backup --server http://127.0.0.1:8620
  driftless backup --to driftless.backup --with-key
  driftless backup --to driftless.backup --nats nats://127.0.0.1:4222

Without --with-key the key of the log is not in it: keep a copy of the key file apart from the backup.";

const RESTORE_HELP: &str = "\
Examples:
  driftless restore --from driftless.backup
  driftless restore --from driftless.backup --nats nats://127.0.0.1:4222

A backup of a log in a folder is restored to NATS as well, and the other way round. A platform whose clusters were
written to since the backup writes nothing more: CUSTODY-OLDER-LOG.";

/// What is synced, and where to.
#[derive(Debug, Clone, Args)]
pub struct Subject {
    /// Repository: a URL (https, ssh, git, file) or a local folder; what is committed counts
    #[arg(long, value_name = "URL|DIR")]
    pub repo: Option<String>,
    /// Folder in the repository with plain YAML, a kustomization or a chart
    #[arg(long, value_name = "P", default_value = ".")]
    pub path: String,
    /// Branch, tag (tags/NAME if it is no version), semver range (^1.4) or commit (all 40 digits) [default: the
    /// remote's default branch]
    #[arg(long, value_name = "R")]
    pub revision: Option<String>,
    /// Kubeconfig file [default: KUBECONFIG, else ~/.kube/config]
    #[arg(long, value_name = "F")]
    pub kubeconfig: Option<PathBuf>,
    /// Context in the kubeconfig [default: its current one]
    #[arg(long, value_name = "C")]
    pub context: Option<String>,
    /// Namespace of objects that name none; created if it is missing
    #[arg(long, value_name = "N")]
    pub namespace: Option<String>,
    /// Name of the application: marks its objects [default: of the repository and the folder]
    #[arg(long, value_name = "NAME")]
    pub application: Option<String>,
    /// Delete what is no longer in Git, within the guard
    #[arg(long)]
    pub prune: bool,
    /// Take objects and fields of others over where nothing says that they were applied from here: a first
    /// contact, or a state folder that was lost
    #[arg(long)]
    pub take_over: bool,
    /// Leave a field to others once its object exists: KIND[.GROUP][/NAME]:POINTER, such as
    /// Deployment:/spec/replicas, or a field manager in the pointer's place; repeatable, `*` is any kind
    #[arg(long, value_name = "RULE", value_parser = crate::ignore_rule::parse)]
    pub ignore: Vec<IgnoreRule>,
    /// Folder for the log, the key and the mirrors [default: a folder of its own per application and cluster]
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// Give up after this long: 90s, 5m
    #[arg(long, value_name = "D", default_value = "5m", value_parser = duration)]
    pub timeout: Duration,
    /// How to tell
    #[arg(short, long, value_enum, default_value = "text")]
    pub output: Output,
    #[command(flatten)]
    pub access: Access,
}

/// How the repository is reached.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Access to the repository")]
pub struct Access {
    /// User name over https, with --git-password
    #[arg(long, value_name = "NAME", default_value = "git")]
    pub git_username: String,
    /// Where the password or token over https is: file:PATH or env:NAME
    #[arg(long, value_name = "WHERE", value_parser = secret_place, conflicts_with = "git_ssh_key")]
    pub git_password: Option<SecretRef>,
    /// Private key over ssh [default: the agent's, and ~/.ssh]
    #[arg(long, value_name = "F")]
    pub git_ssh_key: Option<PathBuf>,
    /// Hosts that are known over ssh, with --git-ssh-key [default: ~/.ssh/known_hosts]
    #[arg(long, value_name = "F", requires = "git_ssh_key")]
    pub git_known_hosts: Option<PathBuf>,
    /// Authorities to trust over https (PEM), instead of the system's
    #[arg(long, value_name = "F")]
    pub git_ca_file: Option<PathBuf>,
    /// Proxy over http(s) [default: HTTPS_PROXY and NO_PROXY of the environment]
    #[arg(long, value_name = "URL")]
    pub git_proxy: Option<String>,
    /// Use only commits, or tags, that one of these signed with ssh: a file of allowed signers, as ssh-keygen has it
    #[arg(long, value_name = "F")]
    pub git_ssh_signers: Option<PathBuf>,
    /// Use only commits, or tags, that were signed with one of these OpenPGP keys: a file, armored
    #[arg(long, value_name = "F")]
    pub git_openpgp_keys: Option<PathBuf>,
}

impl Access {
    /// Whether anything is told.
    pub fn is_given(&self) -> bool {
        let files = [
            &self.git_ssh_key,
            &self.git_known_hosts,
            &self.git_ca_file,
            &self.git_ssh_signers,
            &self.git_openpgp_keys,
        ];
        self.git_password.is_some() || self.git_proxy.is_some() || files.into_iter().any(Option::is_some)
    }
}

/// What a platform is not told with a request: it knows, or it is not asked.
const ONE_SHOT: [&str; 21] = [
    "approve",
    "repo",
    "path",
    "revision",
    "kubeconfig",
    "context",
    "namespace",
    "application",
    "prune",
    "take_over",
    "ignore",
    "state",
    "dry_run",
    "wait",
    "git_password",
    "git_ssh_key",
    "git_known_hosts",
    "git_ca_file",
    "git_proxy",
    "git_ssh_signers",
    "git_openpgp_keys",
];

#[derive(Debug, Clone, Args)]
pub struct SyncOptions {
    /// An application of a running platform: have its repository looked at and its clusters synced now
    #[arg(value_name = "[CLUSTER/]APPLICATION", conflicts_with_all = ONE_SHOT)]
    pub target: Option<String>,
    #[command(flatten)]
    pub subject: Subject,
    #[command(flatten)]
    pub api: ApiOptions,
    /// Show what would change, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Wait until every object is healthy
    #[arg(long)]
    pub wait: bool,
    /// Carry out the plan with that digest although the guard refused it, and no other
    #[arg(long, value_name = "DIGEST", conflicts_with = "dry_run")]
    pub approve: Option<Digest>,
}

#[derive(Debug, Clone, Args)]
pub struct DiffOptions {
    #[command(flatten)]
    pub subject: Subject,
}

#[derive(Debug, Clone, Args)]
pub struct LintOptions {
    /// Folder with definitions, a kustomization or a chart of them; what is not committed counts too
    #[arg(value_name = "DIR", required_unless_present = "repository", conflicts_with = "repository")]
    pub folder: Option<PathBuf>,
    /// Repository to fetch instead, perhaps with a branch, tag, range or commit: URL#main
    #[arg(id = "repository", long = "fleet", value_name = "URL|DIR[#R]")]
    pub repository: Option<String>,
    /// Folder of definitions in it
    #[arg(long, value_name = "P", default_value = ".", requires = "repository")]
    pub path: String,
    #[command(flatten)]
    pub access: Access,
    /// How to tell
    #[arg(short, long, value_enum, default_value = "text")]
    pub output: Output,
}

/// A kind of definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum KindName {
    Source,
    Cluster,
    Application,
}

/// How results are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    Text,
    /// One JSON document.
    Json,
}

#[derive(Debug, Clone, Args)]
pub struct RoleOptions {
    /// Address of the NATS server, version 2.15.1 or newer
    #[arg(long, value_name = "URL", default_value = "nats://127.0.0.1:4222")]
    pub nats: String,
    #[command(flatten)]
    pub access: NatsOptions,
    /// File with the keys of the log: 64 hexadecimal digits a line, that in force first, then previous ones
    #[arg(long, value_name = "F")]
    pub key: PathBuf,
    /// Use this key although it is not the log's, which is lost for good: everything is made anew from Git
    #[arg(long)]
    pub key_replaced: bool,
    /// Folder for what this process keeps: mirrors, temporary files
    #[arg(long, value_name = "DIR")]
    pub state: PathBuf,
    #[command(flatten)]
    pub member: MemberOptions,
}

/// Who a process is among its like.
#[derive(Debug, Clone, Args)]
pub struct MemberOptions {
    /// Name of this process among its like, to which more is added [default: the host's name]
    #[arg(long, value_name = "NAME")]
    pub instance: Option<String>,
    /// Its share of the work among its like: one of weight 4 gets about four times as much as one of weight 1
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=i64::from(bus::WEIGHT_MAX)))]
    pub weight: u32,
}

#[derive(Debug, Clone, Args)]
pub struct FetcherOptions {
    #[command(flatten)]
    pub role: RoleOptions,
    #[command(flatten)]
    pub charts: ChartOptions,
}

/// Where charts come from.
#[derive(Debug, Clone, Args)]
pub struct ChartOptions {
    /// Host that charts may be fetched from although its address is an internal one; repeatable. Public addresses, and
    /// the host of a source's own repository, always may give them
    #[arg(long = "chart-host", value_name = "HOST")]
    pub hosts: Vec<String>,
}

impl ChartOptions {
    /// As the fetcher takes it.
    pub fn egress(&self) -> engine::charts::Egress {
        let public = engine::charts::Egress::Public(std::collections::BTreeSet::new());
        self.hosts.iter().fold(public, |egress, host| egress.with(host))
    }
}

#[derive(Debug, Clone, Args)]
pub struct GatewayRoleOptions {
    /// Address of the NATS server, version 2.15.1 or newer
    #[arg(long, value_name = "URL", default_value = "nats://127.0.0.1:4222")]
    pub nats: String,
    #[command(flatten)]
    pub access: NatsOptions,
    #[command(flatten)]
    pub gateway: GatewayOptions,
}

#[derive(Debug, Clone, Args)]
pub struct DifferOptions {
    #[command(flatten)]
    pub role: RoleOptions,
    /// Sources, clusters and applications to put in force (JSON)
    #[arg(long, value_name = "F")]
    pub definitions: Option<PathBuf>,
    #[command(flatten)]
    pub fleet: FleetOptions,
}

/// The fleet repository.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Definitions from a repository")]
pub struct FleetOptions {
    /// Repository that definitions are read from, perhaps with a branch, tag, range or commit: URL#main [default: the
    /// one in the log]
    #[arg(id = "fleet", long = "fleet", value_name = "URL|DIR[#R]", conflicts_with = "definitions")]
    pub repository: Option<String>,
    /// Folder of definitions in it
    #[arg(long = "fleet-path", value_name = "P", default_value = ".", requires = "fleet")]
    pub path: String,
    /// Time between two looks at it: 30s, 5m
    #[arg(long = "fleet-poll", value_name = "D", default_value = "30s", value_parser = duration, requires = "fleet")]
    pub poll: Duration,
    /// Let definitions come from elsewhere than before
    #[arg(long = "fleet-changed")]
    pub changed: bool,
    /// Largest share of all objects, in percent, that one revision of it may let go of without an approval
    #[arg(long = "fleet-guard", value_name = "PERCENT", default_value_t = differ::FLEET_GUARD,
        value_parser = clap::value_parser!(u8).range(..=100))]
    pub guard: u8,
    #[command(flatten)]
    pub access: Access,
}

/// Reads `90s`, `5m`, `2h` or `1500ms`.
fn duration(text: &str) -> Result<Duration, String> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number: u64 = number.parse().map_err(|_| "a duration such as 90s or 5m is expected".to_owned())?;
    let milliseconds = match unit {
        "ms" => Some(number),
        "s" => number.checked_mul(1_000),
        "m" => number.checked_mul(60_000),
        "h" => number.checked_mul(3_600_000),
        _ => return Err("a duration such as 90s or 5m is expected".to_owned()),
    };
    milliseconds.map(Duration::from_millis).ok_or_else(|| "the duration is too long".to_owned())
}

/// Reads `file:PATH` or `env:NAME`. A value itself is refused, and not repeated: command lines are seen by all.
fn secret_place(text: &str) -> Result<SecretRef, String> {
    match text.split_once(':') {
        Some(("file", path)) if !path.is_empty() => Ok(SecretRef::File(path.into())),
        Some(("env", name)) if !name.is_empty() => Ok(SecretRef::Env(name.to_owned())),
        Some(_) | None => Err("file:PATH or env:NAME is expected, not the value itself".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    /// The long options in a part of a page.
    fn told(part: &str) -> std::collections::BTreeSet<String> {
        let cells = part.split('`').filter_map(|word| word.strip_prefix("--"));
        cells
            .filter(|word| word.chars().all(|c| c.is_ascii_lowercase() || c == '-'))
            .map(str::to_owned)
            .collect()
    }

    fn known(command: &clap::Command) -> std::collections::BTreeSet<String> {
        let own = command.get_arguments().filter_map(|argument| argument.get_long()).map(str::to_owned);
        own.chain(command.get_subcommands().flat_map(known)).collect()
    }

    #[test]
    fn the_page_names_exactly_the_options_that_there_are() {
        let page = include_str!("../../../docs/cli.md");
        let sections: Vec<&str> = page.split("\n## ").collect();
        let program = Cli::command();
        assert_eq!(program.get_subcommands().count(), 25, "a new command needs a section");
        let everywhere: Vec<&str> = program.get_arguments().filter_map(|it| it.get_long()).collect();
        assert!(everywhere.iter().all(|option| told(sections[0]).contains(*option)), "{everywhere:?}");
        for command in program.get_subcommands() {
            let name = command.get_name();
            let heads = |section: &&&str| {
                let head = section.lines().next().unwrap_or_default();
                head.split(|c: char| !c.is_ascii_lowercase()).any(|word| word == name)
            };
            let section = sections[1..].iter().find(heads).unwrap_or_else(|| panic!("{name} has no section"));
            let concerns = |line: &&str| match line.split_once("` only") {
                Some((before, _)) => before.rsplit('`').next() == Some(name),
                None => true,
            };
            let told = told(&section.lines().filter(concerns).collect::<String>());
            assert_eq!(told, known(command), "{name}");
        }
    }

    #[test]
    fn the_page_and_the_help_tell_the_same_exit_codes() {
        let page = include_str!("../../../docs/cli.md");
        let codes = page.split("## Exit codes").nth(1).unwrap_or_default();
        for (code, meaning) in
            ["in sync", "failed", "usage or configuration", "refused by a guard", "not healthy in time"]
                .iter()
                .enumerate()
        {
            assert!(codes.contains(&format!("| {code} | {meaning} |")), "{code} {meaning}");
            assert!(SYNC_HELP.contains(meaning), "{meaning}");
        }
        let codes = codes.split("| code | `status`").nth(1).unwrap();
        for (help, column) in [(platform::QUESTION_HELP, 1), (platform::REQUEST_HELP, 2)] {
            let told = help.split("Exit codes:\n").nth(1).unwrap().lines().next().unwrap();
            let rows = codes.lines().filter(|row| row.starts_with("| ") && row.matches('|').count() == 4);
            let cells = rows.map(|row| row.split('|').map(str::trim).collect::<Vec<_>>());
            let page: Vec<String> = cells
                .filter(|cells| cells[1].parse::<u8>().is_ok() && !cells[column + 1].is_empty())
                .map(|cells| format!("{} {}", cells[1], cells[column + 1]))
                .collect();
            assert_eq!(told.trim(), page.join("   "), "the second table of docs/cli.md");
        }
        assert!(platform::STATUS_HELP.ends_with(platform::QUESTION_HELP));
    }

    #[test]
    fn durations_are_read_with_their_unit() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("1500ms"), Ok(Duration::from_millis(1500)));
        assert_eq!(duration("2h"), Ok(Duration::from_secs(7200)));
        for bad in ["", "5", "m", "-5s", "5 s", "99999999999999999999s", "99999999999999999h"] {
            assert!(duration(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_platform_is_asked_for_nothing_that_it_would_not_do() {
        let parsed = |words: &str| Cli::try_parse_from(words.split(' ')).is_ok();
        assert!(parsed("driftless sync shop --timeout 9s -o json --server http://a"));
        for option in
            ["--dry-run", "--wait", "--prune", "--context a", "--repo .", "--revision main", "--path x"]
        {
            assert!(!parsed(&format!("driftless sync shop {option}")), "{option}");
        }
    }

    #[test]
    fn secrets_are_named_by_their_place() {
        assert_eq!(secret_place("file:/run/token"), Ok(SecretRef::File("/run/token".into())));
        assert_eq!(secret_place("env:TOKEN"), Ok(SecretRef::Env("TOKEN".into())));
        for bad in ["", "hunter2", "file:", "env:", "other:hunter2"] {
            assert!(!secret_place(bad).unwrap_err().contains("hunter2"), "{bad:?}");
        }
    }
}
