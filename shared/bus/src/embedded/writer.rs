//! Group commit: one thread takes everything that waits into one transaction, with one flush to the disk.

use std::{
    any::Any,
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use events::Event;
use redb::WriteTransaction;
use tokio::sync::{mpsc, oneshot};

use super::{
    append::read_sequence,
    pace::Pace,
    retention,
    store::{Store, Written},
};
use crate::Cause;

/// Steps that wait at most; beyond it the submitting tasks wait.
const QUEUE: usize = 4096;

/// Steps in one transaction at most, which bounds how long the first of them waits.
const GROUP: usize = 1024;

/// Writes, and says which events it stored.
type Work =
    Box<dyn FnOnce(&WriteTransaction, &mut Vec<Event>) -> Result<Box<dyn Any + Send>, redb::Error> + Send>;
type Reply = oneshot::Sender<Result<Box<dyn Any + Send>, Cause>>;

enum Command {
    Step(Work, Reply),
    Compact(oneshot::Sender<()>),
}

/// Says that the thread is gone, which happens only when the log is being dropped.
#[derive(Debug, thiserror::Error)]
#[error("the log is closing")]
struct Closing;

/// The door to the writing thread. The thread ends, and the file closes, with the last door.
#[derive(Clone)]
pub(super) struct Writer {
    commands: Option<mpsc::Sender<Command>>,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl Writer {
    pub(super) fn start(store: Arc<Store>) -> Self {
        let (commands, queue) = mpsc::channel(QUEUE);
        let thread = std::thread::spawn(move || run(&store, queue));
        Self { commands: Some(commands), thread: Arc::new(Mutex::new(Some(thread))) }
    }

    /// Runs a step in the next transaction and waits until it is on the disk. The events that it stores, it adds
    /// to those of the transaction, in order.
    pub(super) async fn submit<T: Send + 'static>(
        &self,
        step: impl FnOnce(&WriteTransaction, &mut Vec<Event>) -> Result<T, redb::Error> + Send + 'static,
    ) -> Result<T, Cause> {
        let closing = || -> Cause { Arc::new(Closing) };
        let (reply, answer) = oneshot::channel();
        let work: Work = Box::new(move |write, stored| Ok(Box::new(step(write, stored)?)));
        let commands = self.commands.as_ref().ok_or_else(closing)?;
        commands.send(Command::Step(work, reply)).await.map_err(|_| closing())?;
        let value = answer.await.map_err(|_| closing())??;
        value.downcast().map(|value| *value).map_err(|_| closing())
    }

    /// Compacts the file between two transactions.
    pub(super) async fn compact(&self) {
        let (reply, answer) = oneshot::channel();
        if let Some(commands) = &self.commands
            && commands.send(Command::Compact(reply)).await.is_ok()
        {
            // An error means that the log is closing: nothing to wait for.
            let _closing = answer.await;
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.commands = None;
        if Arc::strong_count(&self.thread) > 1 {
            return;
        }
        // Whoever drops the last door may open the folder again at once.
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = &thread {
            thread.thread().unpark();
        }
        if let Some(Err(_)) = thread.map(JoinHandle::join) {
            tracing::error!("the writing thread of the log panicked");
        }
    }
}

fn run(store: &Store, mut queue: mpsc::Receiver<Command>) {
    let mut waiting = Vec::with_capacity(GROUP);
    let mut pace = Pace::new(Instant::now());
    while queue.blocking_recv_many(&mut waiting, GROUP) > 0 {
        let wait = pace.wait(waiting.len(), Instant::now());
        if !wait.is_zero() {
            gather(wait, &mut queue, &mut waiting);
        }
        let mut steps = Vec::with_capacity(waiting.len());
        for command in waiting.drain(..) {
            match command {
                Command::Step(work, reply) => steps.push((work, reply)),
                Command::Compact(reply) => {
                    commit(store, std::mem::take(&mut steps));
                    store.compact();
                    // Whoever asked may have gone; the work is done all the same.
                    let _gone = reply.send(());
                }
            }
        }
        commit(store, steps);
    }
}

/// Lets more steps join those that wait, until the time is over or the last door closes.
fn gather(wait: Duration, queue: &mut mpsc::Receiver<Command>, waiting: &mut Vec<Command>) {
    std::thread::park_timeout(wait);
    while waiting.len() < GROUP
        && let Ok(command) = queue.try_recv()
    {
        waiting.push(command);
    }
}

fn commit(store: &Store, steps: Vec<(Work, Reply)>) {
    if steps.is_empty() {
        return;
    }
    let (works, replies): (Vec<_>, Vec<_>) = steps.into_iter().unzip();
    let mut values = Vec::with_capacity(works.len());
    let mut stored = Vec::new();
    let outcome = store.write(|write| {
        retention::expire(write, super::now())?;
        for work in works {
            values.push(work(write, &mut stored)?);
        }
        Ok(Written { sequence: read_sequence(write)?, events: stored })
    });
    // Whoever waited may have gone (a cancelled call); what was written stays written.
    match outcome {
        Ok(()) => replies.into_iter().zip(values).for_each(|(reply, value)| drop(reply.send(Ok(value)))),
        Err(cause) => replies.into_iter().for_each(|reply| drop(reply.send(Err(cause.clone())))),
    }
}
