//! Where the ledger is written: a thread of its own, which may wait for the disk. One thread, because what an allocator
//! keeps for each thread that once appended a batch adds up to more than the batch.

use std::{sync::mpsc, thread};

use bus::LogPosition;
use tokio::sync::oneshot;

use super::Scribe;
use crate::{Config, Error};

type Act = Box<dyn FnOnce(&mut Scribe) + Send>;

/// Leads to the thread that writes the ledger. The ledger is closed some time after this is dropped, and before
/// [`Desk::close`] returns.
pub struct Desk {
    acts: mpsc::Sender<Act>,
    closed: oneshot::Receiver<()>,
}

impl Desk {
    /// Opens the ledger of a log that is at that position.
    ///
    /// # Errors
    /// If it or its key cannot be used (permanent).
    pub async fn open(config: &Config, position: &LogPosition) -> Result<Self, Error> {
        let (config, position) = (config.clone(), position.clone());
        let (acts, work) = mpsc::channel::<Act>();
        let (opened, opening) = oneshot::channel();
        let (closing, closed) = oneshot::channel();
        let sit = move || {
            let mut scribe = match Scribe::open(&config, &position) {
                Ok(scribe) => scribe,
                Err(error) => return drop(opened.send(Err(error))),
            };
            let _nobody_waits = opened.send(Ok(()));
            work.iter().for_each(|act| act(&mut scribe));
            drop(scribe);
            let _nobody_waits = closing.send(());
        };
        thread::Builder::new().name("ledger".to_owned()).spawn(sit).map_err(Error::Thread)?;
        opening.await.map_err(|_| Error::ThreadDied)??;
        Ok(Self { acts, closed })
    }

    /// Does something to the ledger.
    ///
    /// # Errors
    /// What the act says.
    pub async fn act<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Scribe) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (done, doing) = oneshot::channel();
        let act: Act = Box::new(move |scribe| {
            let _nobody_waits = done.send(act(scribe));
        });
        self.acts.send(act).map_err(|_| Error::ThreadDied)?;
        doing.await.map_err(|_| Error::ThreadDied)?
    }

    /// Closes the ledger, so that it can be opened again.
    pub async fn close(self) {
        drop(self.acts);
        // Nobody is left who could say more.
        let _ended = self.closed.await;
    }
}
