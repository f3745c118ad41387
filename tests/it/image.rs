//! The image of the `Dockerfile`, and `deploy/kubernetes.yaml`, which runs it.
//!
//! No image can be pulled here, so the stage that compiles does not run. Its command does, with the files that `.dockerignore`
//! lets through and nothing else. buildah then builds the last stage, and runc runs it.

mod kubernetes;

use crate::said;
use harness::container::{Container, Image};
use harness::http::{self, Request};
use harness::issuer::{Algorithm, Issuer, SigningKey, Trouble};
use harness::{Env, free_port, project};
use serde_json::{Value, json};
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

const AUDIENCE: &str = "tokens.example.com";

/// How large the image may be, in bytes. A program of the profile `dev` is larger.
const MAX_BYTES: u64 = 25_000_000;
const MAX_BYTES_OF_DEV: u64 = 50_000_000;

/// Where the container finds its credentials.
const SECRET: &str = "/run/secrets/tokenmint";

fn dockerfile() -> String {
    fs::read_to_string(project::root().join("Dockerfile")).expect("it is there")
}

/// What stands after each of these instructions, in their order.
fn instructions<'a>(dockerfile: &'a str, name: &str) -> Vec<&'a str> {
    dockerfile.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).collect()
}

/// The image, built once.
fn image() -> &'static Image {
    static IMAGE: OnceLock<Image> = OnceLock::new();
    IMAGE.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("image");
        fs::create_dir_all(&folder).expect("a folder of our own");
        let everything = folder.join("Dockerfile");
        fs::write(&everything, "FROM scratch\nCOPY . /\n").expect("a folder of our own");
        let context = Image::build(&everything, &[], &folder.join("context"));
        let stage = folder.join("build");
        compile(&context.tree, &stage);
        Image::build(&project::root().join("Dockerfile"), &[("build", &stage)], &folder.join("image"))
    })
}

/// The profile that the program is compiled with. `make test-image` sets it.
fn profile() -> String {
    std::env::var("PROFILE").unwrap_or_else(|_| "dev".to_owned())
}

/// Runs the command of the stage `build` in this copy of the repository. The program then stands at its place in `stage`.
fn compile(context: &Path, stage: &Path) {
    let dockerfile = dockerfile();
    let runs = instructions(&dockerfile, "RUN");
    let [install, compile] = runs.as_slice() else { panic!("other commands: {runs:?}") };
    // `make test-image` has run this one.
    assert_eq!(*install, "tools/debian-packages.sh musl");
    let (script, program) = compile.split_once(" /").expect("a script, and a file");
    let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    let status = project::command(context.join(script))
        .arg(stage.join(program))
        .current_dir(context)
        .env("CARGO_TARGET_DIR", project::root().join(target))
        .env("PROFILE", profile())
        // The profile `server` has neither.
        .envs([("CARGO_PROFILE_DEV_DEBUG", "0"), ("CARGO_PROFILE_DEV_STRIP", "symbols")])
        .status();
    assert!(status.expect("it was copied").success(), "{compile}");
}

/// A container that takes JWTs of this issuer, and serves on ports of its own.
struct Service {
    container: Container<'static>,
    port: u16,
    admin: u16,
}

impl Service {
    fn start(issuer: &Issuer) -> Service {
        let (port, admin) = (free_port(), free_port());
        let env = Env::from([
            ("IDENTITY", "jwt"),
            ("JWT_ISSUER", &issuer.url()),
            ("JWT_AUDIENCE", AUDIENCE),
            ("LOCAL_CREDENTIALS", &format!("{SECRET}/credentials.json")),
            ("LISTEN", &format!("0.0.0.0:{port}")),
            ("ADMIN_LISTEN", &format!("0.0.0.0:{admin}")),
        ]);
        let container = Container::start(image(), env, &[(&secret(), SECRET)]);
        container.wait_until(|| TcpStream::connect((Ipv4Addr::LOCALHOST, admin)).is_ok());
        Service { container, port, admin }
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// What the image's health check finds: its exit code, and what it prints.
    fn health(&self) -> (Option<i32>, String) {
        let check = image().words("/Healthcheck/Test");
        assert_eq!(check[0], "CMD", "the image has no shell");
        self.container.run(&check[1..])
    }
}

/// A folder with the credentials, as an orchestrator mounts it.
fn secret() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("image/secret");
    fs::create_dir_all(&folder).expect("a folder of our own");
    fs::write(folder.join("credentials.json"), said::credentials().to_string()).expect("a folder of our own");
    folder
}

/// A line of a process's `/proc/PID/status`.
fn status(pid: u64, name: &str) -> String {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).expect("a line");
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
#[ignore = "compiles the program once more, and needs buildah, runc and root: `make test-image` has them"]
fn the_image_is_small_and_holds_one_program() {
    let files = fs::read_dir(&image().tree).expect("a folder").map(|file| file.expect("readable").file_name());
    // runc makes places for its mounts.
    let files: Vec<_> = files.filter(|name| !["proc", "dev", "run"].map(Into::into).contains(name)).collect();
    assert_eq!(files, ["tokenmint"]);
    let (profile, bytes) = (profile(), image().bytes);
    let most = if profile == "dev" { MAX_BYTES_OF_DEV } else { MAX_BYTES };
    writeln!(std::io::stdout(), "profile {profile}: the image has {bytes} bytes").expect("somebody reads it");
    assert!(bytes > 1_000_000 && bytes < most, "{bytes} bytes");
}

#[test]
#[ignore = "compiles the program once more, and needs buildah, runc and root: `make test-image` has them"]
fn a_container_is_healthy_once_it_is_ready_mints_and_ends_in_order() {
    let key = SigningKey::generate("current", Algorithm::Es256);
    let issuer = Issuer::start(&[&key]);
    issuer.trouble(Trouble::Status(500));
    let service = Service::start(&issuer);
    let unhealthy = |(code, printed): (Option<i32>, String)| {
        assert!(code == Some(1) && printed.contains("is not ready: it answers 503"), "{code:?}: {printed}");
    };
    // Without the issuer's keys it is not ready.
    unhealthy(service.health());
    issuer.heal();
    service.container.wait_until(|| service.health().0 == Some(0));
    assert_eq!(service.health(), (Some(0), String::new()));

    // It is the container's first process, has no rights, and can write nowhere.
    let pid = service.container.pid();
    assert_eq!(status(pid, "NSpid").split(' ').nth(1), Some("1"));
    for name in ["Uid", "Gid"] {
        assert_eq!(status(pid, name), "65532 65532 65532 65532");
    }
    for name in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert_eq!(status(pid, name), "0000000000000000", "{name}");
    }
    let refused = fs::write(format!("/proc/{pid}/root/file"), "x").expect_err("we are root, and cannot write either");
    assert_eq!(refused.kind(), ErrorKind::ReadOnlyFilesystem);

    let jwt = key.sign(&json!({}), &issuer.claims("alice", AUDIENCE));
    let ask = |authorization: &str| {
        Request::new("GET", &service.url("/rtm/me/token")).header("authorization", authorization).send()
    };
    assert_eq!(ask("Bearer forged").status, 401);
    let minted = ask(&format!("Bearer {jwt}"));
    assert_eq!(minted.status, 200, "{}", minted.text());
    assert!(said::holds_a_token(minted.text()));
    let admin = format!("http://127.0.0.1:{}", service.admin);
    assert!(http::get(&format!("{admin}/metrics")).text().contains("TokensMinted{kind=\"agora-rtm\"} 1"));

    // A request is on its way while the container is told to end.
    let mut unfinished = TcpStream::connect((Ipv4Addr::LOCALHOST, service.port)).expect("it listens");
    let head = format!("POST /fetch_rtm_token HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {jwt}\r\n");
    write!(unfinished, "{head}Content-Length: 15\r\n\r\n{{").expect("it reads");
    // The server has the head by then.
    std::thread::sleep(std::time::Duration::from_millis(300));
    service.container.terminate();
    service.container.wait_until(|| service.health().0 != Some(0));
    unhealthy(service.health());
    unfinished.write_all(br#""uid":"alice"}"#).expect("it reads");
    let mut answer = String::new();
    unfinished.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert_eq!(service.container.ended().code(), Some(0));
    assert_ne!(service.health().0, Some(0));
    let log = service.container.end();
    let last: Value = serde_json::from_str(log.lines().last().expect("a line")).expect("JSON");
    assert_eq!(last["message"], "ended", "{log}");
    said::check_logs("serve", &log, &said::credentials());
}

#[test]
#[ignore = "compiles the program once more, and needs buildah, runc and root: `make test-image` has them"]
fn without_settings_the_container_ends_with_one_line() {
    let credentials = format!("{SECRET}/credentials.json");
    let credentials = Env::from([("LOCAL_CREDENTIALS", credentials.as_str())]);
    for (env, reason) in [
        (Env::default(), "AGORA_SECRET_ID, ZEGO_SECRET_ID or LOCAL_CREDENTIALS must say where the credentials are"),
        (credentials.clone(), "IDENTITY must be jwt here, or none on this machine alone: no gateway verifies callers"),
        (
            credentials.and("IDENTITY", "none"),
            "IDENTITY must be jwt, unless LISTEN is an address of this machine alone",
        ),
    ] {
        let container = Container::start(image(), env, &[(&secret(), SECRET)]);
        assert_eq!(container.ended().code(), Some(2));
        let said = container.end();
        let lines = said.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        let errors: Vec<_> = lines.filter(|line| line["level"] == "ERROR").collect();
        let [line] = errors.as_slice() else { panic!("{said}") };
        assert_eq!(line["message"], "cannot start", "{said}");
        assert!(line["reason"].as_str().is_some_and(|said| said.starts_with(reason)), "{said}");
    }
}

/// Nothing is guessed about who asks, and what only operators ask is not open.
#[test]
fn the_image_opens_nothing_by_itself() {
    let dockerfile = dockerfile();
    let last = dockerfile.split("\nFROM scratch\n").nth(1).expect("the last stage");
    assert_eq!(instructions(last, "ENV"), ["LISTEN=0.0.0.0:9000 ADMIN_LISTEN=127.0.0.1:9001"]);
    assert_eq!(instructions(last, "EXPOSE"), ["9000"]);
    assert_eq!(instructions(last, "USER"), ["65532:65532"]);
}

#[test]
fn the_image_is_built_with_the_rust_that_the_code_needs() {
    let dockerfile = dockerfile();
    let manifest = fs::read_to_string(project::root().join("Cargo.toml")).expect("it is there");
    let version = manifest.split("rust-version = \"").nth(1).and_then(|rest| rest.split('"').next());
    let version = version.expect("a version");
    assert!(
        instructions(&dockerfile, "FROM")[0].starts_with(&format!("docker.io/library/rust:{version}-")),
        "{version}"
    );
}
