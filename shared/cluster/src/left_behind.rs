//! Credential plugins that do not end. Nobody can be made to end them, so each kubeconfig leaves at most one behind.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

/// By kubeconfig; whether the plugin has ended after all.
static LEFT: Mutex<BTreeMap<String, Arc<AtomicBool>>> = Mutex::new(BTreeMap::new());

/// One try to get the credentials of a kubeconfig.
pub(crate) struct Try {
    kubeconfig: String,
    ended: Arc<AtomicBool>,
}

/// Says that a try has ended, however it did, when it is dropped.
pub(crate) struct End(Arc<AtomicBool>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl Try {
    /// Begins one; `None`: an earlier one was left behind and still runs.
    pub(crate) fn begin(kubeconfig: String) -> Option<(Self, End)> {
        let mut left = LEFT.lock().unwrap_or_else(PoisonError::into_inner);
        if left.get(&kubeconfig).is_some_and(|ended| !ended.load(Ordering::SeqCst)) {
            return None;
        }
        left.remove(&kubeconfig);
        let ended = Arc::new(AtomicBool::new(false));
        Some((Self { kubeconfig, ended: Arc::clone(&ended) }, End(ended)))
    }

    /// Nobody waits for it any more.
    pub(crate) fn leave_behind(self) {
        let mut left = LEFT.lock().unwrap_or_else(PoisonError::into_inner);
        left.insert(self.kubeconfig, self.ended);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_is_begun_once_the_one_that_was_left_has_ended() {
        let begin = |name: &str| Try::begin(name.to_owned());
        let (first, end) = begin("left-behind-a").unwrap();
        // Two at once, as a differ and an applier of one process do.
        let (second, _) = begin("left-behind-a").unwrap();
        drop(second);
        first.leave_behind();
        assert!(begin("left-behind-a").is_none());
        assert!(begin("left-behind-b").is_some());
        drop(end);
        assert!(begin("left-behind-a").is_some());
    }
}
