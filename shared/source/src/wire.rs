//! The exchange with a server through gix.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, atomic::AtomicBool},
    time::Duration,
};

use gix::{
    ObjectId,
    bstr::BString,
    odb::store::init::Slots,
    protocol::{
        handshake::Ref,
        transport::client::{
            TransportWithoutIO as _,
            blocking_io::http::{self, reqwest::Options as ReqwestOptions},
        },
    },
    refs::{
        FullName, Target,
        transaction::{Change, LogChange, PreviousValue, RefEdit, RefLog},
    },
    remote::{self, Direction, fetch::Tags},
    url::Scheme,
};
use model::definition::{Git, GitAuth};

use crate::{
    SourceError,
    advertised::{Difference, Head, References, difference, is_kept},
    credentials::HttpLogin,
    failure,
    mirror::Remote,
    proxy,
};

/// Branches and tags, forced: the server is right. Without them gix stores no refspec and later fetches fail.
pub(crate) const REFSPECS: [&str; 2] = ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"];

/// Largest object read into memory, in bytes: a hostile pack may claim any size.
const OBJECT_BYTES_MAX: u64 = 512 * 1024 * 1024;

/// Longest silence of an HTTP server. The default of 30 s is too short for one that packs a large repository.
const HTTP_SILENCE_MAX: Duration = Duration::from_secs(120);

/// Packs that an open mirror can see: far more than are kept before they become one.
const PACK_SLOTS_MIN: usize = 512;

/// Where namespaced references keep commits that were fetched by id.
pub(crate) const PINNED: &str = "refs/driftless/pinned/";

/// Commits fetched by id that are kept: each holds its history on the disk.
const PINNED_MAX: usize = 16;

/// What is asked for.
#[derive(Debug, Clone)]
pub(crate) enum Wanted {
    /// All branches and tags.
    Everything,
    /// One commit by its id.
    Commit(ObjectId),
}

/// How gix opens a mirror: nothing of the machine's or the user's Git settings.
pub(crate) fn open_options(git: &Git, scheme: &Scheme) -> gix::open::Options {
    let mut settings = vec![
        format!("gitoxide.objects.allocLimit={OBJECT_BYTES_MAX}"),
        // The address was checked against our own list of protocols.
        "protocol.allow=always".to_owned(),
    ];
    if *scheme == Scheme::Ssh {
        settings.push(format!("core.sshCommand={}", ssh_command(&git.auth)));
        settings.push("ssh.variant=ssh".to_owned());
    }
    // One slot is one pack that lookups can see; without the number they see 32, and what lies in a later pack
    // seems to be missing.
    let slots = Slots::AsNeededByDiskState { multiplier: 2.0, minimum: PACK_SLOTS_MIN };
    gix::open::Options::isolated().config_overrides(settings).object_store_slots(slots)
}

/// The ssh program's command line: no questions, known hosts only, dead connections noticed within a minute.
pub(crate) fn ssh_command(auth: &GitAuth) -> String {
    let mut line = "ssh -o BatchMode=yes -o StrictHostKeyChecking=yes -o ConnectTimeout=20 \
                    -o ServerAliveInterval=15 -o ServerAliveCountMax=4"
        .to_owned();
    if let GitAuth::Ssh { key_file, known_hosts_file } = auth {
        line.push_str(" -F none -o IdentitiesOnly=yes");
        line.push_str(&ssh_file_option("IdentityFile", key_file));
        if let Some(file) = known_hosts_file {
            line.push_str(&ssh_file_option("UserKnownHostsFile", file));
            line.push_str(" -o GlobalKnownHostsFile=/dev/null");
        }
    }
    line
}

/// One `-o Name="path"`, quoted once for ssh (which splits at blanks and expands `%`) and once for the shell.
fn ssh_file_option(name: &str, path: &Path) -> String {
    let path = path.to_string_lossy().replace('%', "%%").replace('\\', "\\\\").replace('"', "\\\"");
    let option = format!("{name}=\"{path}\"").replace('\'', "'\\''");
    format!(" -o '{option}'")
}

/// Fetches what is wanted into `repository`; cheap (one listing) when nothing changed.
pub(crate) fn pull(
    repository: &gix::Repository,
    remote: &Remote,
    wanted: &Wanted,
    stop: &AtomicBool,
) -> Result<Difference, SourceError> {
    let login = remote.credentials.http_login(&remote.git)?;
    let failed = |error: gix::Error| connection_failed(&error, remote);
    let specs: Vec<BString> = match wanted {
        Wanted::Everything => REFSPECS.iter().map(|spec| BString::from(*spec)).collect(),
        Wanted::Commit(id) => vec![format!("+{id}:{PINNED}{id}").into()],
    };
    let far = repository
        .remote_at_without_url_rewrite(remote.address.url.clone())
        .and_then(|far| far.with_refspecs(specs, Direction::Fetch))
        .map_err(failed)?
        .with_fetch_tags(Tags::None);
    let mut connection = far.connect(Direction::Fetch).map_err(|error| connect_failed(&error, remote))?;
    connection.set_credentials(|_| Ok(None));
    if let HttpLogin::Basic { username, password } = &login {
        let account = gix::sec::identity::Account {
            username: username.clone(),
            password: password.reveal().to_owned(),
            oauth_refresh_token: None,
        };
        let set = connection.transport_mut().set_identity(account);
        set.map_err(|error| failed(gix::Error::from_error(error)))?;
    }
    if remote.address.is_http() {
        connection.set_transport_options(Box::new(http_options(remote, &login)?));
    }
    let options = remote::ref_map::Options { extra_refspecs: head_spec(wanted), ..Default::default() };
    let prepared = connection.prepare_fetch(gix::progress::Discard, options).map_err(failed)?;
    let prepared = prepared.with_write_packed_refs_only(true);

    let Wanted::Everything = wanted else {
        prepared.receive(gix::progress::Discard, stop).map_err(failed)?;
        return Ok(Difference::default());
    };
    let server = advertised(&prepared.ref_map().remote_refs);
    if server.names.is_empty() {
        return Err(SourceError::Empty { url: remote.address.shown.clone() });
    }
    let found = difference(&held(repository).map_err(failed)?, &server);
    if !found.gone.is_empty() {
        // Before receiving: a branch `a` that is gone stands in the way of a new `a/b`.
        delete(repository, &found.gone).map_err(failed)?;
    }
    if !found.moved.is_empty() {
        prepared.receive(gix::progress::Discard, stop).map_err(failed)?;
    }
    if let Some(head) = &found.head {
        set_head(repository, head).map_err(failed)?;
    }
    Ok(found)
}

/// `HEAD` must be asked for by name, or the server's filter hides the default branch.
fn head_spec(wanted: &Wanted) -> Vec<gix::refspec::RefSpec> {
    let parsed = gix::refspec::parse("HEAD".into(), gix::refspec::parse::Operation::Fetch);
    match (wanted, parsed) {
        (Wanted::Everything, Ok(spec)) => vec![spec.to_owned()],
        (Wanted::Everything, Err(_)) | (Wanted::Commit(_), _) => Vec::new(),
    }
}

fn connection_failed(error: &gix::Error, remote: &Remote) -> SourceError {
    let proxy = remote.git.proxy.as_deref();
    let failure = failure::of_connection(error, &remote.address, proxy);
    if remote.address.url.scheme == Scheme::Https {
        return proxy::explained(failure, proxy, &remote.address);
    }
    failure
}

fn connect_failed(error: &gix::Error, remote: &Remote) -> SourceError {
    let failure = connection_failed(error, remote);
    if let (SourceError::Fetch { url, reason }, Scheme::Git) = (&failure, &remote.address.url.scheme) {
        // git:// connects at once; whatever fails here is the network or the name.
        return SourceError::Unreachable { url: url.clone(), reason: reason.clone() };
    }
    failure
}

/// The reqwest transport ignores Git's `http.proxy` and `http.sslCAInfo`: both are set on the client itself.
fn http_options(remote: &Remote, login: &HttpLogin) -> Result<http::Options, SourceError> {
    let authorities = match &remote.git.ca_file {
        Some(file) => Some(authorities(file, remote)?),
        None => None,
    };
    let proxy = match &remote.git.proxy {
        Some(proxy) => Some(reqwest::Proxy::all(proxy).map_err(|_| SourceError::Address {
            url: remote.address.shown.clone(),
            reason: "its proxy is no address".to_owned(),
        })?),
        None => None,
    };
    let configure = move |builder: reqwest::blocking::ClientBuilder| {
        // reqwest is built without a TLS provider; an earlier choice of the program's stands.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = builder.timeout(HTTP_SILENCE_MAX);
        if let Some(authorities) = authorities.clone() {
            builder = builder.tls_certs_only(authorities);
        }
        if let Some(proxy) = proxy.clone() {
            builder = builder.proxy(proxy);
        }
        Ok(builder)
    };
    let backend = ReqwestOptions { configure_client: Some(Box::new(configure)), configure_request: None };
    let extra_headers = match login {
        HttpLogin::Bearer(token) => vec![format!("Authorization: Bearer {}", token.reveal())],
        HttpLogin::None | HttpLogin::Basic { .. } => Vec::new(),
    };
    Ok(http::Options { extra_headers, backend: Some(Arc::new(Mutex::new(backend))), ..Default::default() })
}

fn authorities(file: &PathBuf, remote: &Remote) -> Result<Vec<reqwest::Certificate>, SourceError> {
    let refuse = |reason: String| SourceError::Tls { url: remote.address.shown.clone(), reason };
    let pem = std::fs::read(file)
        .map_err(|error| refuse(format!("caFile {} cannot be read: {error}", file.display())))?;
    let found = reqwest::Certificate::from_pem_bundle(&pem).unwrap_or_default();
    if found.is_empty() {
        return Err(refuse(format!("caFile {} holds no certificate", file.display())));
    }
    Ok(found)
}

fn advertised(refs: &[Ref]) -> References {
    let mut found = References::default();
    for reference in refs {
        let (name, id, target) = match reference {
            Ref::Direct { full_ref_name, object } => (full_ref_name, Some(*object), None),
            Ref::Peeled { full_ref_name, tag, .. } => (full_ref_name, Some(*tag), None),
            Ref::Symbolic { full_ref_name, target, tag, object } => {
                (full_ref_name, Some(tag.unwrap_or(*object)), Some(target))
            }
            Ref::Unborn { full_ref_name, target } => (full_ref_name, None, Some(target)),
        };
        if name == "HEAD" {
            found.head = target.cloned().map(Head::Branch).or(id.map(Head::Detached));
        } else if let (true, Some(id)) = (is_kept(name), id) {
            found.names.insert(name.clone(), id);
        }
    }
    found
}

/// What the mirror holds.
pub(crate) fn held(repository: &gix::Repository) -> gix::Result<References> {
    let mut found = References::default();
    let platform = repository.references()?;
    for prefix in ["refs/heads/", "refs/tags/"] {
        for reference in platform.prefixed(prefix)? {
            let reference = reference?;
            let name = reference.name().as_bstr().to_owned();
            let id = match reference.target().into_owned() {
                Target::Object(id) => Some(id),
                Target::Symbolic(target) => {
                    let target = repository.try_find_reference(&target)?;
                    target.and_then(|target| target.try_id().map(gix::Id::detach))
                }
            };
            found.names.insert(name, id.unwrap_or_else(|| repository.object_hash().null()));
        }
    }
    let head = repository.head()?;
    found.head = match (head.referent_name(), head.id()) {
        (Some(name), _) => Some(Head::Branch(name.as_bstr().to_owned())),
        (None, Some(id)) => Some(Head::Detached(id.detach())),
        (None, None) => None,
    };
    Ok(found)
}

/// Lets go of commits that were fetched by id once there are many: whoever still follows one fetches it again.
pub(crate) fn unpin_others(repository: &gix::Repository, kept: ObjectId) -> gix::Result<()> {
    let kept = format!("{PINNED}{kept}");
    let mut others = Vec::new();
    for reference in repository.references()?.prefixed(PINNED)? {
        let name = reference?.name().as_bstr().to_owned();
        if name != kept.as_str() {
            others.push(name);
        }
    }
    if others.len() < PINNED_MAX { Ok(()) } else { delete(repository, &others) }
}

/// Deletes references, all or none.
pub(crate) fn delete(repository: &gix::Repository, names: &[BString]) -> gix::Result<()> {
    let mut edits = Vec::with_capacity(names.len());
    for name in names {
        let change = Change::Delete { expected: PreviousValue::Any, log: RefLog::AndReference };
        edits.push(RefEdit { change, name: full_name(name)?, deref: false });
    }
    repository.edit_references(edits).map(drop)
}

/// Lets `HEAD` follow the server's.
pub(crate) fn set_head(repository: &gix::Repository, head: &Head) -> gix::Result<()> {
    let new = match head {
        Head::Branch(name) => Target::Symbolic(full_name(name)?),
        Head::Detached(id) => Target::Object(*id),
    };
    let change = Change::Update { log: LogChange::default(), expected: PreviousValue::Any, new };
    let edit = RefEdit { change, name: full_name(&"HEAD".into())?, deref: false };
    repository.edit_reference(edit).map(drop)
}

fn full_name(name: &BString) -> gix::Result<FullName> {
    FullName::try_from(name).map_err(gix::Error::from_error)
}
