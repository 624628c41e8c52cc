//! A connection whose other side has to take what it is told: one that stands still is left.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

/// A stream that fails once nothing of what is written was taken for some time.
pub(crate) struct Hasty<S> {
    stream: S,
    within: Duration,
    /// Runs while something waits to be taken.
    waiting: Option<Pin<Box<Sleep>>>,
}

impl<S> Hasty<S> {
    pub(crate) fn new(stream: S, within: Duration) -> Self {
        Self { stream, within, waiting: None }
    }

    fn bounded<T>(&mut self, told: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if told.is_ready() {
            self.waiting = None;
            return told;
        }
        let within = self.within;
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep(within)));
        ready!(waiting.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Hasty<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Hasty<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let told = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.bounded(told, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let told = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.bounded(told, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let told = Pin::new(&mut self.stream).poll_flush(context);
        self.bounded(told, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let told = Pin::new(&mut self.stream).poll_shutdown(context);
        self.bounded(told, context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_takes_nothing_is_left() {
        let (near, mut far) = duplex(4);
        let mut near = Hasty::new(near, Duration::from_secs(30));
        near.write_all(b"1234").await.unwrap();
        let (told, read) = tokio::join!(near.write_all(b"5678"), far.read_u64());
        assert!(told.is_ok() && read.is_ok(), "one who reads is told all");
        near.write_all(b"1234").await.unwrap();
        assert_eq!(near.write_all(b"5").await.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}
