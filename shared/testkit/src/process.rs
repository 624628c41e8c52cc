//! Programs as processes of their own, that a test signals and that end with it.

use std::{
    fs::File,
    io,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
};

/// A process that ends with the test.
#[derive(Debug)]
pub struct Process(Child);

impl Process {
    /// Starts a command that says everything into a file, behind what is in it.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start(command: &mut Command, output: &Path) -> Self {
        Self::spawn(command, output).unwrap_or_else(|error| panic!("{command:?} does not start: {error}"))
    }

    fn spawn(command: &mut Command, output: &Path) -> io::Result<Self> {
        let output = File::options().create(true).append(true).open(output)?;
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output).spawn().map(Self)
    }

    /// Sends `-KILL`, `-STOP` or `-CONT`.
    ///
    /// # Panics
    /// If it has ended before.
    pub fn signal(&self, signal: &str) {
        let done = Command::new("kill").args([signal, &self.0.id().to_string()]).status();
        assert!(done.is_ok_and(|status| status.success()), "kill {signal} failed");
    }

    /// Whether it has not ended.
    pub fn is_running(&mut self) -> bool {
        self.ended().is_none()
    }

    /// How it ended; `None`: it runs.
    ///
    /// # Panics
    /// If the system does not know it.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.0.try_wait().unwrap_or_else(|error| panic!("a process was lost: {error}"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
