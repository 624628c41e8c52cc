//! A program under bounds: of what it says, and until somebody wants it to end.

use std::{
    fmt::Write as _,
    io::{ErrorKind, Read},
    process::{Child, Command},
    sync::mpsc::{RecvTimeoutError, Sender, channel},
    time::Duration,
};

/// Longest output read, in bytes: a listing of a million references.
const OUTPUT_BYTES_MAX: u64 = 128 * 1024 * 1024;

/// Longest error text kept, in bytes.
const ERROR_BYTES_MAX: u64 = 16 * 1024;

/// Time between two looks at the wish to stop.
const TICK: Duration = Duration::from_millis(100);

/// Why it gave nothing.
#[derive(Debug)]
pub(crate) enum Ended {
    /// There is no such program.
    Missing,
    /// It ran and failed; its own words.
    Failed(String),
}

/// Runs a program that leads a process group and has both outputs piped, to its end or until `is_over`; returns
/// standard output.
pub(crate) fn run(mut command: Command, is_over: &dyn Fn() -> bool) -> Result<Vec<u8>, Ended> {
    let failed = |error: std::io::Error| {
        if error.kind() == ErrorKind::NotFound { Ended::Missing } else { Ended::Failed(error.to_string()) }
    };
    let mut child = command.spawn().map_err(failed)?;
    let (send, receive) = channel();
    drain(child.stdout.take(), Stream::Out, OUTPUT_BYTES_MAX, send.clone());
    drain(child.stderr.take(), Stream::Error, ERROR_BYTES_MAX, send);
    let (mut output, mut errors, mut open) = (Vec::new(), Vec::new(), 2);
    while open > 0 {
        match receive.recv_timeout(TICK) {
            Ok((Stream::Out, bytes)) => (output, open) = (bytes, open - 1),
            Ok((Stream::Error, bytes)) => (errors, open) = (bytes, open - 1),
            Err(RecvTimeoutError::Timeout) if is_over() => kill(&child),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    let status = child.wait().map_err(|error| Ended::Failed(error.to_string()))?;
    if status.success() {
        return Ok(output);
    }
    let mut reason = String::from_utf8_lossy(&errors).into_owned();
    if reason.trim().is_empty() {
        let _ = write!(reason, "{} ended with {status}", command.get_program().display());
    }
    Err(Ended::Failed(reason))
}

enum Stream {
    Out,
    Error,
}

/// Reads a pipe on a thread: up to a bound, then on to its end, so that the program never blocks on it.
fn drain(
    pipe: Option<impl Read + Send + 'static>,
    stream: Stream,
    bound: u64,
    to: Sender<(Stream, Vec<u8>)>,
) {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.by_ref().take(bound).read_to_end(&mut bytes);
            let _ = std::io::copy(&mut pipe, &mut std::io::sink());
        }
        let _ = to.send((stream, bytes));
    });
}

fn kill(child: &Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw) {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
}
