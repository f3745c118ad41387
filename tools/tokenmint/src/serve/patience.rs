//! How long a connection waits for its client: [`Patient`] ends one that is slow or idle.
//!
//! hyper has one time-out for the head of a request, and it also runs while a connection is idle. Here the two differ.

use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

/// How long a client may take for the head of a request, from its first byte or from the begin of the connection.
pub(super) const HEAD_WITHIN: Duration = Duration::from_secs(10);

/// How long a connection may be idle between two requests.
const IDLE_WITHIN: Duration = Duration::from_secs(60);

/// How long a client may leave no room for an answer.
const WRITE_WITHIN: Duration = Duration::from_secs(10);

/// What a connection waits for. Its stream and its requests share it.
#[derive(Clone)]
pub(super) struct Phase(Arc<Mutex<Waits>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waits {
    /// The rest of a head must come until this moment.
    Head(Instant),
    /// The server is answering this many requests.
    Answer(u32),
    /// The next request must begin until this moment.
    NextRequest(Instant),
}

impl Phase {
    /// A new connection, whose first request is due.
    pub(super) fn new() -> Phase {
        Phase(Arc::new(Mutex::new(Waits::Head(Instant::now() + HEAD_WITHIN))))
    }

    /// A request's head is complete. The request is being answered until this is dropped.
    pub(super) fn answering(&self) -> Answering {
        self.change(|waits| match waits {
            Waits::Answer(answering) => Waits::Answer(answering + 1),
            _ => Waits::Answer(1),
        });
        Answering(self.clone())
    }

    fn bytes_came(&self) {
        self.change(|waits| match waits {
            Waits::NextRequest(_) => Waits::Head(Instant::now() + HEAD_WITHIN),
            other => other,
        });
    }

    fn deadline(&self) -> Option<Instant> {
        match *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Waits::Head(deadline) | Waits::NextRequest(deadline) => Some(deadline),
            Waits::Answer(_) => None,
        }
    }

    fn change(&self, change: impl FnOnce(Waits) -> Waits) {
        let mut waits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *waits = change(*waits);
    }
}

/// A request that is being answered.
pub(super) struct Answering(Phase);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.change(|waits| match waits {
            Waits::Answer(answering) if answering > 1 => Waits::Answer(answering - 1),
            _ => Waits::NextRequest(Instant::now() + IDLE_WITHIN),
        });
    }
}

/// A stream that fails with [`io::ErrorKind::TimedOut`] when its client makes it wait too long.
pub(super) struct Patient<S> {
    stream: S,
    phase: Phase,
    /// Wakes the connection up at its deadline.
    alarm: Pin<Box<Sleep>>,
    /// Since when the client has left no room for an answer.
    blocked: Option<Instant>,
}

impl<S> Patient<S> {
    pub(super) fn new(stream: S, phase: Phase) -> Patient<S> {
        Patient { stream, phase, alarm: Box::pin(sleep_until(Instant::now())), blocked: None }
    }

    /// Whether this moment has passed. If not, the task is woken up then.
    fn is_over(&mut self, deadline: Instant, cx: &mut Context<'_>) -> bool {
        self.alarm.as_mut().reset(deadline);
        self.alarm.as_mut().poll(cx).is_ready()
    }

    /// What a write or a flush comes to.
    fn written<T>(&mut self, cx: &mut Context<'_>, done: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if done.is_ready() {
            self.blocked = None;
            return done;
        }
        let since = *self.blocked.get_or_insert_with(Instant::now);
        if self.is_over(since + WRITE_WITHIN, cx) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Poll::Pending
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = pin!(&mut self.stream).poll_read(cx, buffer);
        if read.is_pending() {
            let deadline = self.phase.deadline();
            if deadline.is_some_and(|deadline| self.is_over(deadline, cx)) {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
        }
        ready!(read)?;
        if buffer.filled().len() > before {
            self.phase.bytes_came();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let done = pin!(&mut self.stream).poll_write(cx, bytes);
        self.written(cx, done)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let done = pin!(&mut self.stream).poll_flush(cx);
        self.written(cx, done)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let done = pin!(&mut self.stream).poll_shutdown(cx);
        self.written(cx, done)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let done = pin!(&mut self.stream).poll_write_vectored(cx, slices);
        self.written(cx, done)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::sleep;

    /// After how long a read or write fails because its client is too slow.
    async fn ends_after<T>(work: impl Future<Output = io::Result<T>>) -> Duration {
        let begun = Instant::now();
        let failed = work.await.err().expect("it ends");
        assert_eq!(failed.kind(), io::ErrorKind::TimedOut);
        begun.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_head_is_due_from_the_begin_of_the_connection() {
        let (mut client, server) = duplex(64);
        let mut server = Patient::new(server, Phase::new());
        sleep(Duration::from_secs(4)).await;
        client.write_all(b"G").await.expect("there is room");
        assert_eq!(server.read_u8().await.expect("a byte"), b'G');
        assert_eq!(ends_after(server.read_u8()).await, Duration::from_secs(6), "a byte now and then does not help");
    }

    #[tokio::test(start_paused = true)]
    async fn while_a_request_is_answered_its_client_may_wait() {
        let (_client, server) = duplex(64);
        let phase = Phase::new();
        let mut server = Patient::new(server, phase.clone());
        let (first, second) = (phase.answering(), phase.answering());
        let ending = tokio::spawn(async move { ends_after(server.read_u8()).await });
        sleep(Duration::from_secs(100)).await;
        drop(first);
        sleep(Duration::from_secs(100)).await;
        assert!(!ending.is_finished(), "the second one is still being answered");
        drop(second);
        // The connection's task looks when something happens.
        assert!(phase.deadline().is_some_and(|deadline| deadline == Instant::now() + IDLE_WITHIN));
    }

    #[tokio::test(start_paused = true)]
    async fn between_requests_a_connection_may_be_idle_for_longer() {
        let (mut client, server) = duplex(64);
        let phase = Phase::new();
        let mut server = Patient::new(server, phase.clone());
        drop(phase.answering());
        assert_eq!(ends_after(server.read_u8()).await, IDLE_WITHIN);
        drop(phase.answering());
        sleep(Duration::from_secs(50)).await;
        client.write_all(b"G").await.expect("there is room");
        server.read_u8().await.expect("a byte");
        assert_eq!(ends_after(server.read_u8()).await, HEAD_WITHIN, "from the first byte of a head");
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_reads_nothing_is_left() {
        let (mut client, server) = duplex(8);
        let mut server = Patient::new(server, Phase::new());
        assert_eq!(ends_after(server.write_all(&[0; 9])).await, WRITE_WITHIN);
        client.read_exact(&mut [0; 8]).await.expect("what fitted");
        server.write_all(&[0; 8]).await.expect("there is room again");
    }
}
