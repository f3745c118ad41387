//! Many clients at once, and clients that are slow: nobody else notices.

use super::{Client, demo};
use crate::said;
use harness::server::TokenServer;
use harness::{allow_many_files, load};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How many connections are served at once.
const MAX_CONNECTIONS: usize = 1024;

#[test]
fn more_connections_than_are_served_at_once_wait_for_their_turn() {
    allow_many_files();
    let server = TokenServer::start(demo());
    let mut served: Vec<_> = (0..MAX_CONNECTIONS).map(|_| Client::connect(&server)).collect();
    for client in &mut served {
        assert_eq!(client.ask(), "200");
    }
    let mut waiting: Vec<_> = (0..2).map(|_| Client::connect(&server)).collect();
    for client in &mut waiting {
        client.send();
        client.0.set_read_timeout(Some(Duration::from_millis(500))).expect("a time-out");
        let error = client.0.read(&mut [0]).expect_err("there is no room");
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        client.0.set_read_timeout(Some(Duration::from_secs(60))).expect("a time-out");
    }
    // Those who have a connection are served as before.
    assert_eq!(served[0].ask(), "200");
    for client in &mut waiting {
        served.pop();
        assert_eq!(client.status(), "200");
    }
    said::check_logs("serve", &server.end(), &said::credentials());
}

/// A client that sends a byte per second, and what came back.
struct Slow {
    stream: TcpStream,
    rest: Vec<u8>,
    answer: Vec<u8>,
    ended: bool,
}

impl Slow {
    fn connect(server: &TokenServer, at_once: &str, slowly: &str) -> Slow {
        let mut stream = TcpStream::connect(server.address).expect("it listens");
        stream.write_all(at_once.as_bytes()).expect("it reads");
        stream.set_nonblocking(true).expect("a socket");
        Slow { stream, rest: slowly.bytes().rev().collect(), answer: Vec::new(), ended: false }
    }

    /// Sends the next byte, and reads what is there.
    fn go_on(&mut self) {
        if let Some(byte) = self.rest.pop() {
            // The server may have ended the connection. Reading tells.
            let _ = self.stream.write(&[byte]);
        }
        let mut some = [0; 1024];
        loop {
            match self.stream.read(&mut some) {
                Ok(0) => self.ended = true,
                Ok(read) => {
                    self.answer.extend(&some[..read]);
                    continue;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_) => self.ended = true,
            }
            return;
        }
    }
}

#[test]
fn slow_clients_are_ended_in_time_and_disturb_nobody() {
    allow_many_files();
    let server = TokenServer::start(demo());
    let get = "GET /rtm/alice/token HTTP/1.1\r\nHost: localhost\r\nX: ";
    let post = "POST /fetch_rtm_token HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n";
    let begun = Instant::now();
    let mut slow: Vec<_> = (0..100)
        .flat_map(|_| {
            [("", ""), ("", get), (get, "0123456789012345678901234567"), (post, "{ \"uid\": \"0123456789012\"")]
        })
        .map(|(at_once, slowly)| Slow::connect(&server, at_once, slowly))
        .collect();
    let answers = load::during(
        2,
        Duration::from_millis(5),
        || Client::connect(&server).ask(),
        || {
            while slow.iter().any(|client| !client.ended) {
                assert!(begun.elapsed() < Duration::from_secs(20), "slow clients are still there");
                slow.iter_mut().filter(|client| !client.ended).for_each(Slow::go_on);
                sleep(Duration::from_secs(1));
            }
        },
    );
    assert!(answers.len() > 100 && answers.iter().all(|status| status == "200"), "{answers:?}");
    for (at, client) in slow.iter().enumerate() {
        let answer = String::from_utf8_lossy(&client.answer);
        // Only a whole head gets an answer.
        let expected = if at % 4 == 3 { "HTTP/1.1 408 " } else { "" };
        assert!(answer.starts_with(expected) && !answer.contains("HTTP/1.1 5"), "{at}: {answer}");
        assert!(at % 4 == 3 || answer.is_empty(), "{at}: {answer}");
        assert!(!said::holds_a_token(&answer), "{at}: {answer}");
    }
    said::check_logs("serve", &server.end(), &said::credentials());
}
