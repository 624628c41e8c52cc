//! Where the programs are.

use std::{
    env,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use crate::EngineError;

/// The environment variable that names a folder of programs.
pub(crate) const TOOLS_BIN: &str = "DRIFTLESS_TOOLS_BIN";

/// The programs, as far as they were found.
#[derive(Debug, Clone)]
pub(crate) struct Programs {
    pub kustomize: Option<PathBuf>,
    pub helm: Option<PathBuf>,
    /// Runs a program without a network.
    pub unshare: Option<PathBuf>,
}

impl Programs {
    /// Looks in the given folder, then in that of the environment, then on the search path.
    pub fn locate(tools: Option<&Path>) -> Self {
        let given = tools.map(Path::to_owned).into_iter();
        let named = env::var_os(TOOLS_BIN).map(PathBuf::from).into_iter();
        let search: Vec<PathBuf> =
            env::var_os("PATH").map(|path| env::split_paths(&path).collect()).unwrap_or_default();
        let folders: Vec<PathBuf> = given.chain(named).chain(search).collect();
        let find = |name: &str| folders.iter().map(|folder| folder.join(name)).find(|path| is_program(path));
        Self { kustomize: find("kustomize"), helm: find("helm"), unshare: find("unshare") }
    }
}

fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

/// The program, or the error that it is not there.
pub(crate) fn required<'a>(
    program: &'static str,
    found: Option<&'a PathBuf>,
) -> Result<&'a Path, EngineError> {
    let reason = || format!("it is neither in a folder given, nor in {TOOLS_BIN}, nor in PATH");
    found.map(PathBuf::as_path).ok_or_else(|| EngineError::Missing { program, reason: reason() })
}
