//! How long a connection waits for its client: [`Phase::overdue`] says when to end one that is slow or idle.
//!
//! hyper has one time-out for the head of a request, and it also runs while a connection is idle. Here the two differ.
//! The times are watched beside the connection, because hyper does not always read again after an answer.

use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, sleep_until};

/// How long a client may take for the head of a request, from its first byte or from the start of the connection.
pub(super) const HEAD_WITHIN: Duration = Duration::from_secs(10);

/// How long a connection may be idle between two requests.
const IDLE_WITHIN: Duration = Duration::from_secs(60);

/// How long a client may leave no room for an answer.
const WRITE_WITHIN: Duration = Duration::from_secs(10);

/// How often to look whether the time to wait has changed.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What a connection waits for. Its stream and its requests share it.
#[derive(Clone)]
pub(super) struct Phase(Arc<Mutex<State>>);

struct State {
    waits: Waits,
    /// Since when the client has left no room for an answer.
    blocked: Option<Instant>,
}

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
        let waits = Waits::Head(Instant::now() + HEAD_WITHIN);
        Phase(Arc::new(Mutex::new(State { waits, blocked: None })))
    }

    /// A request's head is complete. The request is being answered until this is dropped.
    pub(super) fn answering(&self) -> Answering {
        let mut state = self.lock();
        state.waits = match state.waits {
            Waits::Answer(answering) => Waits::Answer(answering + 1),
            _ => Waits::Answer(1),
        };
        Answering(self.clone())
    }

    /// Waits until the client has taken too long.
    pub(super) async fn overdue(&self) {
        loop {
            let now = Instant::now();
            let look = now + LOOK_EVERY;
            match self.deadline() {
                Some(deadline) if deadline <= now => return,
                Some(deadline) => sleep_until(deadline.min(look)).await,
                None => sleep_until(look).await,
            }
        }
    }

    fn deadline(&self) -> Option<Instant> {
        let state = self.lock();
        let read = match state.waits {
            Waits::Head(deadline) | Waits::NextRequest(deadline) => Some(deadline),
            Waits::Answer(_) => None,
        };
        let written = state.blocked.map(|since| since + WRITE_WITHIN);
        read.into_iter().chain(written).min()
    }

    fn bytes_came(&self) {
        let mut state = self.lock();
        if let Waits::NextRequest(_) = state.waits {
            state.waits = Waits::Head(Instant::now() + HEAD_WITHIN);
        }
    }

    /// What a write came to.
    fn wrote(&self, done: bool) {
        let mut state = self.lock();
        match done {
            true => state.blocked = None,
            false => _ = state.blocked.get_or_insert_with(Instant::now),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that is being answered.
pub(super) struct Answering(Phase);

impl Drop for Answering {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.waits = match state.waits {
            Waits::Answer(answering) if answering > 1 => Waits::Answer(answering - 1),
            _ => Waits::NextRequest(Instant::now() + IDLE_WITHIN),
        };
    }
}

/// A stream that tells its phase what its client does.
pub(super) struct Observed<S> {
    stream: S,
    phase: Phase,
}

impl<S> Observed<S> {
    pub(super) fn new(stream: S, phase: Phase) -> Observed<S> {
        Observed { stream, phase }
    }

    fn written<T>(&self, done: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        self.phase.wrote(done.is_ready());
        done
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Observed<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(pin!(&mut self.stream).poll_read(cx, buffer))?;
        if buffer.filled().len() > before {
            self.phase.bytes_came();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Observed<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let done = pin!(&mut self.stream).poll_write(cx, bytes);
        self.written(done)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let done = pin!(&mut self.stream).poll_flush(cx);
        self.written(done)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let done = pin!(&mut self.stream).poll_shutdown(cx);
        self.written(done)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let done = pin!(&mut self.stream).poll_write_vectored(cx, slices);
        self.written(done)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::{sleep, timeout};

    /// After how long this connection is overdue.
    async fn overdue_after(phase: &Phase) -> Duration {
        let begun = Instant::now();
        phase.overdue().await;
        begun.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_head_is_due_from_the_start_of_the_connection() {
        let (mut client, server) = duplex(64);
        let phase = Phase::new();
        let mut server = Observed::new(server, phase.clone());
        sleep(Duration::from_secs(4)).await;
        client.write_all(b"G").await.expect("there is room");
        assert_eq!(server.read_u8().await.expect("a byte"), b'G');
        assert_eq!(overdue_after(&phase).await, Duration::from_secs(6), "a byte now and then does not help");
    }

    #[tokio::test(start_paused = true)]
    async fn while_a_request_is_answered_its_client_may_wait() {
        let phase = Phase::new();
        let (first, second) = (phase.answering(), phase.answering());
        assert!(timeout(Duration::from_secs(100), phase.overdue()).await.is_err());
        drop(first);
        assert!(timeout(Duration::from_secs(100), phase.overdue()).await.is_err(), "the second one is being answered");
        drop(second);
        assert_eq!(overdue_after(&phase).await, IDLE_WITHIN);
    }

    #[tokio::test(start_paused = true)]
    async fn between_requests_a_connection_may_be_idle_for_longer() {
        let (mut client, server) = duplex(64);
        let phase = Phase::new();
        let mut server = Observed::new(server, phase.clone());
        drop(phase.answering());
        // The time is watched from now on, and then becomes shorter.
        let (after, ()) = tokio::join!(overdue_after(&phase), async {
            sleep(Duration::from_secs(20)).await;
            client.write_all(b"G").await.expect("there is room");
            server.read_u8().await.expect("a byte");
        });
        assert_eq!(after, Duration::from_secs(20) + HEAD_WITHIN, "from the first byte of a head");
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_reads_nothing_is_disconnected() {
        let (mut client, server) = duplex(8);
        let phase = Phase::new();
        let mut server = Observed::new(server, phase.clone());
        let _answering = phase.answering();
        let after = tokio::select! {
            after = overdue_after(&phase) => after,
            _ = server.write_all(&[0; 9]) => panic!("there is no room"),
        };
        assert_eq!(after, WRITE_WITHIN);
        client.read_exact(&mut [0; 8]).await.expect("what fitted");
        server.write_all(&[0; 8]).await.expect("there is room again");
        assert!(timeout(Duration::from_secs(100), phase.overdue()).await.is_err(), "the client reads again");
    }
}
