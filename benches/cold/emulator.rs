//! A Lambda Runtime API that costs almost nothing: a thread for each connection, no copies, one write for an answer.
//! Its own cost is measured beside the functions.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// The emulator. One function at a time talks to it.
pub(crate) struct Emulator {
    pub(crate) address: SocketAddr,
    run: Arc<Mutex<Option<Run>>>,
}

/// What one function did.
#[derive(Debug)]
pub(crate) struct Recorded {
    /// When it asked for its first event.
    pub(crate) asked: Instant,
    /// When its first answer had arrived.
    pub(crate) answered: Instant,
    /// The first answer.
    pub(crate) answer: Vec<u8>,
    /// From sending an event until its answer had arrived, for each event after the first.
    pub(crate) warm: Vec<Duration>,
    /// From sending an event until the function asked for another one. Lambda bills this time. For each event except
    /// the first and the last.
    pub(crate) busy: Vec<Duration>,
}

struct Run {
    /// The number of the function. A function that was just ended may still ask for an event. It must not get one that
    /// is meant for the next function.
    number: usize,
    response: Arc<[u8]>,
    /// Events yet to be sent.
    left: usize,
    /// When the event under way was sent.
    sent: Option<Instant>,
    /// When the last one that was answered had been sent.
    done_with: Option<Instant>,
    asked: Option<Instant>,
    first: Option<(Instant, Vec<u8>)>,
    warm: Vec<Duration>,
    busy: Vec<Duration>,
    done: Sender<Recorded>,
}

impl Emulator {
    pub(crate) fn start() -> Emulator {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("the system has a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let run = Arc::<Mutex<Option<Run>>>::default();
        let shared = Arc::clone(&run);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let run = Arc::clone(&shared);
                let number = lock(&run).as_ref().map_or(0, |run| run.number);
                // When a function is ended, its connections break.
                thread::spawn(move || serve(stream, &run, number));
            }
        });
        Emulator { address, run }
    }

    /// Gives the next function this event, this many times. The record of what it did arrives with the last answer.
    pub(crate) fn expect(&self, event: &[u8], events: usize) -> Receiver<Recorded> {
        let deadline = "99999999999999";
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
             lambda-runtime-aws-request-id: 00000000-0000-4000-8000-000000000001\r\n\
             lambda-runtime-deadline-ms: {deadline}\r\n\
             lambda-runtime-invoked-function-arn: arn:aws:lambda:eu-central-1:123456789012:function:test\r\n\
             lambda-runtime-trace-id: Root=1-00000000-000000000000000000000000;Parent=0000000000000000;Sampled=0\r\n\r\n",
            event.len()
        );
        let (done, recorded) = mpsc::channel();
        let response = [head.as_bytes(), event].concat().into();
        let (warm, busy) = (Vec::with_capacity(events), Vec::with_capacity(events));
        let mut run = lock(&self.run);
        let number = run.as_ref().map_or(0, |run| run.number) + 1;
        let (left, sent, done_with, asked, first) = (events, None, None, None, None);
        *run = Some(Run { number, response, left, sent, done_with, asked, first, warm, busy, done });
        recorded
    }
}

impl Run {
    /// The event's bytes. `None` if there are no more events: the function then waits, as in Lambda.
    fn next(&mut self) -> Option<Arc<[u8]>> {
        let now = Instant::now();
        self.asked.get_or_insert(now);
        self.busy.extend(self.done_with.take().map(|sent| now - sent));
        self.left = self.left.checked_sub(1)?;
        self.sent = Some(Instant::now());
        Some(Arc::clone(&self.response))
    }

    fn answered(&mut self, body: &[u8]) {
        let now = Instant::now();
        let sent = self.sent.take().expect("an answer follows an event");
        match self.first {
            None => self.first = Some((now, body.to_vec())),
            Some(_) => {
                self.warm.push(now - sent);
                self.done_with = Some(sent);
            }
        }
    }

    fn recorded(&mut self) -> Option<Recorded> {
        let ((answered, answer), asked) = self.first.clone().zip(self.asked).filter(|_| self.left == 0)?;
        let (warm, busy) = (std::mem::take(&mut self.warm), std::mem::take(&mut self.busy));
        Some(Recorded { asked, answered, answer, warm, busy })
    }
}

fn serve(mut stream: TcpStream, run: &Mutex<Option<Run>>, number: usize) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut buffer, mut filled) = (vec![0; 64 * 1024], 0);
    loop {
        let Some((head, length, asked)) = request(&buffer[..filled]) else {
            match stream.read(&mut buffer[filled..])? {
                0 => return Ok(()),
                more => filled += more,
            }
            continue;
        };
        let end = head + length;
        while filled < end {
            match stream.read(&mut buffer[filled..])? {
                0 => return Ok(()),
                more => filled += more,
            }
        }
        match asked {
            Asked::Next => {
                let response = lock(run).as_mut().filter(|run| run.number == number).and_then(Run::next);
                if let Some(response) = response {
                    stream.write_all(&response)?;
                }
            }
            Asked::Response => {
                let mut run = lock(run);
                let run = run.as_mut().filter(|run| run.number == number).expect("only the last one got an event");
                run.answered(&buffer[head..end]);
                stream.write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 2\r\n\r\n{}")?;
                if let Some(recorded) = run.recorded() {
                    // The receiver may have stopped waiting.
                    let _ = run.done.send(recorded);
                }
            }
            Asked::Register => {
                stream.write_all(b"HTTP/1.1 200 OK\r\nlambda-extension-identifier: 0\r\ncontent-length: 2\r\n\r\n{}")?
            }
            // An internal extension without events waits for ever.
            Asked::ExtensionNext => {}
            Asked::Other => stream.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")?,
        }
        buffer.copy_within(end..filled, 0);
        filled -= end;
    }
}

enum Asked {
    Next,
    Response,
    Register,
    ExtensionNext,
    Other,
}

/// Where a request's body begins, how long it is, and what is asked. `None` until the head is complete.
fn request(bytes: &[u8]) -> Option<(usize, usize, Asked)> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut request = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(head) = request.parse(bytes).expect("functions speak HTTP") else { return None };
    let mut length = 0;
    for header in request.headers.iter() {
        let name = header.name;
        assert!(!name.eq_ignore_ascii_case("transfer-encoding"), "answers of unknown length are not emulated");
        if name.eq_ignore_ascii_case("content-length") {
            length = std::str::from_utf8(header.value).ok()?.parse().expect("a length is a number");
        }
    }
    let asked = match (request.method, request.path.unwrap_or_default()) {
        (Some("GET"), "/2018-06-01/runtime/invocation/next") => Asked::Next,
        (Some("POST"), path) if path.ends_with("/response") => Asked::Response,
        (Some("POST"), "/2020-01-01/extension/register") => Asked::Register,
        (Some("GET"), "/2020-01-01/extension/event/next") => Asked::ExtensionNext,
        _ => Asked::Other,
    };
    Some((head, length, asked))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The smallest possible function: it asks for events and gives each the same answer. Its time is the cost of the
/// emulator and the system.
pub(crate) fn echo() -> io::Result<()> {
    let address = std::env::var("AWS_LAMBDA_RUNTIME_API").expect("it runs under the emulator");
    let mut stream = TcpStream::connect(&address)?;
    stream.set_nodelay(true)?;
    let next = format!("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nhost: {address}\r\n\r\n");
    let body = format!(r#"{{"statusCode":200,"headers":{{}},"body":"{}"}}"#, "x".repeat(400));
    let answer = format!(
        "POST /2018-06-01/runtime/invocation/00000000-0000-4000-8000-000000000001/response HTTP/1.1\r\n\
         host: {address}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut buffer = vec![0; 64 * 1024];
    loop {
        stream.write_all(next.as_bytes())?;
        read_response(&mut stream, &mut buffer)?;
        stream.write_all(answer.as_bytes())?;
        read_response(&mut stream, &mut buffer)?;
    }
}

fn read_response(stream: &mut TcpStream, buffer: &mut [u8]) -> io::Result<()> {
    let mut filled = 0;
    loop {
        match stream.read(&mut buffer[filled..])? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            more => filled += more,
        }
        let mut headers = [httparse::EMPTY_HEADER; 16];
        let mut response = httparse::Response::new(&mut headers);
        if let Ok(httparse::Status::Complete(head)) = response.parse(&buffer[..filled]) {
            let length = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
            let length = length.and_then(|header| std::str::from_utf8(header.value).ok()?.parse::<usize>().ok());
            if filled >= head + length.unwrap_or_default() {
                return Ok(());
            }
        }
    }
}
