//! Why ssh does not trust a server: git passes on only its words.

use std::{
    ffi::OsStr,
    path::PathBuf,
    process::{Command, Stdio},
};

use gix::url::Scheme;
use model::definition::GitAuth;

use crate::{SourceError, mirror::Remote, wire};

/// The port of an address that names none. Source: RFC 4253 §4.
const PORT: u16 = 22;

/// The error of a fetch that failed, or a plainer one if no file of known hosts has a key of the server.
pub(crate) fn explained(error: SourceError, remote: &Remote) -> SourceError {
    let SourceError::Fetch { url, .. } = &error else { return error };
    if remote.address.url.scheme != Scheme::Ssh {
        return error;
    }
    match look_up(remote) {
        Some(Entry::Missing { host }) => SourceError::HostKey { url: url.clone(), host },
        Some(Entry::Found) | None => error,
    }
}

/// What the files of known hosts have of a server.
enum Entry {
    Found,
    Missing { host: String },
}

/// Asks ssh what it would look up and where, and `ssh-keygen` whether it is there; `None` if that cannot be told. No
/// server is asked.
fn look_up(remote: &Remote) -> Option<Entry> {
    let (host, port) = (remote.address.url.host()?, remote.address.url.port.unwrap_or(PORT).to_string());
    let mut command = Command::new("sh");
    // The line has its own quotes; what stands in the address is an argument, never a part of it.
    command.arg("-c").arg(format!("{} -G \"$@\"", wire::ssh_command(&remote.git.auth)));
    command.args(["ssh", "-p", &port, "--", host]).stdin(Stdio::null()).stderr(Stdio::null());
    let settings = command.output().ok().filter(|ended| ended.status.success())?;
    let settings = String::from_utf8_lossy(&settings.stdout).into_owned();
    let setting = |name: &str| {
        let mut lines = settings.lines().filter_map(|line| line.split_once(' '));
        lines.find(|(key, _)| *key == name).map(|(_, value)| value)
    };
    let host = match (setting("hostkeyalias"), setting("port")?) {
        (Some(alias), _) => alias.to_owned(),
        (None, port) if port == PORT.to_string() => setting("hostname")?.to_owned(),
        (None, port) => format!("[{}]:{port}", setting("hostname")?),
    };
    let files: Vec<PathBuf> = match &remote.git.auth {
        // Its path may hold blanks, which the settings do not tell from the next path.
        GitAuth::Ssh { known_hosts_file: Some(file), .. } => vec![file.clone()],
        GitAuth::None | GitAuth::Basic { .. } | GitAuth::Bearer { .. } | GitAuth::Ssh { .. } => {
            let lists = ["userknownhostsfile", "globalknownhostsfile"].into_iter().filter_map(setting);
            lists.flat_map(str::split_whitespace).map(PathBuf::from).collect()
        }
    };
    for file in files.iter().filter(|file| file.exists()) {
        let arguments = [OsStr::new("-F"), OsStr::new(&host), OsStr::new("-f"), file.as_os_str()];
        let mut command = Command::new("ssh-keygen");
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if command.status().ok()?.success() {
            return Some(Entry::Found);
        }
    }
    Some(Entry::Missing { host })
}
