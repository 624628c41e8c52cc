//! `driftless auditor`, and the auditor within `driftless up`.

use std::{path::PathBuf, sync::Arc};

use bus::{Log, Member, Share, share::CLAIM};
use ledger::Door;
use tokio_util::sync::CancellationToken;

use crate::{
    cli::AuditorOptions,
    exit::Exit,
    problem::Problem,
    role::{self, Company},
    state_folder::{self, chain},
};

/// What the auditor is started with.
pub struct Writing {
    pub log: Arc<dyn Log>,
    /// Folder that the ledger lies in.
    pub state: PathBuf,
    pub copy: Option<PathBuf>,
    pub member: Member,
    pub company: Company,
    /// Leads to the ledger, for others in this process.
    pub door: Door,
}

/// Runs the auditor apart from the other services. It needs no key of the log: it sees nothing that is sealed.
pub async fn auditor(options: AuditorOptions) -> Result<Exit, Problem> {
    state_folder::create(&options.state)?;
    let member = role::member(&options.member);
    let log = role::open(&options.nats, &options.access).await?;
    let (state, copy) = (options.state, options.copy.audit_copy);
    let (company, door) = (Company::Others, Door::default());
    let writing = Writing { log, state, copy, member, company, door };
    serve(writing, role::stop_on_signal()).await.map(|()| Exit::Success)
}

/// Writes the ledger until `stop`, unless another one does.
pub async fn serve(writing: Writing, stop: CancellationToken) -> Result<(), Problem> {
    let Writing { log, state, copy, member, company, door } = writing;
    let instance = member.name.clone();
    let membership = log.join("auditor", member, CLAIM).await.map_err(|error| role::no_members(&error))?;
    let share = match company {
        Company::Alone => Share::Sole,
        Company::Others => Share::of(&membership),
    };
    tracing::info!(role = "auditor", %instance, "started");
    let config = auditor::Config { copy, door, ..auditor::Config::new(&state, share) };
    let ended = auditor::run(log, config, stop).await;
    membership.leave().await;
    ended.map_err(|error| {
        let remedy = "check the disk and the folder of the ledger; what the log says is kept until it is in the ledger";
        Problem::new("AUDITOR", chain(&error), remedy).ending(Exit::Failed)
    })
}
