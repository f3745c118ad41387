//! `watch [--aws]`: all functions in an emulator of Lambda on this machine, until Ctrl-C.
//!
//! They serve under `cargo lambda watch`, on port 9000 or on `PORT`. They believe the user id in the path
//! (`IDENTITY=none`), unless `IDENTITY` says otherwise. The built-in credentials are not secret. They come from a file, or with
//! `--aws` from a Secrets Manager API on this machine. All other settings come from the environment variables.
//!
//! One vendor's credentials are enough: the other vendor's functions start too, and answer 503. A function that does
//! not start ends the run, because under the emulator each request to it would wait for an answer that never comes.

use functions::ALL;
use harness::lambda::Function;
use harness::local::LAST_LINE;
use harness::requests::{self, Request};
use harness::secrets::{SecretsManager, Vendor};
use harness::watch::Watch;
use harness::{Env, Output, project};
use serde_json::{Value, json};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU16;
use std::process::ExitCode;
use std::time::Duration;
use std::{env, fs, io, path};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::sleep;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    serve().await.unwrap_or_else(|error| {
        eprintln!("{error}");
        ExitCode::FAILURE
    })
}

async fn serve() -> io::Result<ExitCode> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let aws = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => false,
        ["--aws"] => true,
        _ => return Err(io::Error::other("usage: watch [--aws]")),
    };
    let port = match env::var("PORT") {
        Ok(port) => {
            port.parse::<NonZeroU16>().map_err(|_| io::Error::other(format!("PORT={port} is not a port")))?.get()
        }
        Err(_) => 9000,
    };
    // Checks the port before anything is built or started.
    if let Err(error) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
        return Err(io::Error::other(format!("port {port} cannot be had (PORT=n says another): {error}")));
    }

    let identity = env::var("IDENTITY").unwrap_or_else(|_| "none".to_owned());
    let demo = project::root().join("tests/demo-credentials.json");
    let (secrets, source, env) = if aws {
        let secrets = secrets_manager(&fs::read_to_string(demo)?)?;
        let env = secrets.env_for_all();
        (Some(secrets), "Secrets Manager".to_owned(), env)
    } else {
        let file = env::var_os("LOCAL_CREDENTIALS").filter(|file| !file.is_empty()).map_or(demo, Into::into);
        let file = path::absolute(file)?.into_os_string().into_string();
        let file = file.map_err(|_| io::Error::other("LOCAL_CREDENTIALS is not UTF-8"))?;
        let env = Env::from([("LOCAL_CREDENTIALS", &*file)]);
        (None, file, env)
    };
    eprintln!("Building what is not built yet: a few minutes the first time.");
    let one_source_only =
        ["LOCAL_CREDENTIALS", "AGORA_SECRET_ID", "ZEGO_SECRET_ID", "AWS_PROFILE", "AWS_SESSION_TOKEN"];
    let without = one_source_only.map(str::to_owned);
    let credentials = env;
    let drop_in = env::var("DROP_IN").unwrap_or_else(|_| "true".to_owned());
    let env = credentials.clone().and("IDENTITY", &*identity).and("DROP_IN", &*drop_in);
    let Some(vendors) = with_credentials(&without, &env, &credentials) else { return Ok(ExitCode::FAILURE) };
    if vendors.is_empty() {
        let [agora, zego] = Vendor::ALL.map(Vendor::part);
        let nothing = format!("{source} has no part \"{agora}\" and no part \"{zego}\": there is nothing to serve.");
        return Err(io::Error::other(nothing));
    }
    let env = env.and_all(prewarming(port, &vendors));
    let watch = Watch::serve(port, 1, &without, &env, Output::Shown);
    tokio::spawn(serve_ipv6_too(port));
    welcome(&watch, &identity, &source, &vendors);

    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let mut hang_up = signal(SignalKind::hangup())?;
    let ended = async {
        while watch.ended().is_none() && !secrets.as_ref().is_some_and(SecretsManager::ended) {
            sleep(Duration::from_millis(200)).await;
        }
    };
    let code = tokio::select! {
        _ = interrupt.recv() => ExitCode::SUCCESS,
        _ = terminate.recv() => ExitCode::SUCCESS,
        _ = hang_up.recv() => ExitCode::SUCCESS,
        () = ended => {
            eprintln!("\nA server has ended by itself: what it said stands above.");
            ExitCode::FAILURE
        }
    };
    // Ends the functions before the server that they read from.
    drop(watch);
    drop(secrets);
    Ok(code)
}

/// The vendors whose functions have credentials. `None`: a function does not start, and has said why. `with` are all
/// settings, and `credentials` only those that say where the credentials are.
///
/// All functions of a vendor have the same settings, so one of each is asked. Its own answer to a warm-up says whether
/// it has credentials.
fn with_credentials(without: &[String], with: &Env, credentials: &Env) -> Option<Vec<Vendor>> {
    let kept = env::vars().filter(|(name, _)| !without.contains(name) && !name.starts_with("AWS_LAMBDA_"));
    let env = kept.fold(Env::default(), |env, (name, value)| env.and(&name, value)).and_all(with.clone());
    // A function that verifies JWTs is ready only if its issuer can be reached. Whether it has credentials is another
    // question, so a function is asked that has no other setting.
    let believing = credentials.clone().and("IDENTITY", "none");
    let warm_up = json!({ "warm_up": { "for_seconds": 0, "hold_milliseconds": 0 } });
    let (mut all_start, mut vendors) = (true, Vec::new());
    for vendor in Vendor::ALL {
        let of_vendor = ALL.iter().find(|function| function.vendor() == vendor);
        let name = of_vendor.expect("each vendor has a function").name;
        let function = Function::start(name, env.clone());
        if let Err(logs) = function.wait_started() {
            eprint!("{name} does not start:\n{logs}");
            all_start = false;
            continue;
        }
        drop(function);
        let function = Function::start(name, believing.clone());
        function.wait_ready();
        if !function.invoke(&warm_up).response()["warmed"]["fresh_for_seconds"].is_null() {
            vendors.push(vendor);
        }
    }
    all_start.then_some(vendors)
}

/// Passes connections to IPv6's loopback on to the emulator, because `cargo lambda invoke` uses that address by
/// default. The emulator listens at one address only, and the address for both protocols would be open to the network.
async fn serve_ipv6_too(port: u16) {
    // A machine without IPv6 has no such address, so nobody uses it.
    let Ok(listener) = TcpListener::bind((Ipv6Addr::LOCALHOST, port)).await else { return };
    while let Ok((mut client, _)) = listener.accept().await {
        tokio::spawn(async move {
            let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
            tokio::io::copy_bidirectional(&mut client, &mut server).await
        });
    }
}

/// What the function that keeps the others warm needs: the names of those with credentials, and where to invoke them.
fn prewarming(port: u16, vendors: &[Vendor]) -> Env {
    let functions = ALL.iter().filter(|function| vendors.contains(&function.vendor()));
    let functions: Vec<_> = functions.map(|function| function.name).collect();
    Env::from([("AWS_REGION", "eu-central-1"), ("AWS_ACCESS_KEY_ID", "testing"), ("AWS_SECRET_ACCESS_KEY", "testing")])
        .and("AWS_ENDPOINT_URL_LAMBDA", format!("http://127.0.0.1:{port}"))
        .and("FUNCTIONS", functions.join(","))
}

fn secrets_manager(demo: &str) -> io::Result<SecretsManager> {
    let demo: Value = serde_json::from_str(demo)?;
    let secrets = SecretsManager::start();
    secrets.put(Vendor::Agora.secret_id(), &demo["agora"]);
    secrets.put(Vendor::Zego.secret_id(), &demo["zego"]);
    Ok(secrets)
}

fn requests_of(vendors: &[Vendor]) -> impl Iterator<Item = Request> {
    requests::own().filter(|request| vendors.contains(&request.vendor()))
}

#[allow(clippy::print_stdout, reason = "this program talks to a person")]
fn welcome(watch: &Watch, identity: &str, source: &str, vendors: &[Vendor]) {
    println!("\nServing at {}", watch.url("/"));
    println!("Warning: every web page that you open can reach this emulator. `make run` refuses such requests.");
    if identity == "none" {
        println!("One request for each kind of token:\n");
        for request in requests_of(vendors) {
            println!("  {}", request.example.command(&watch.url("")));
        }
    }
    for missing in Vendor::ALL.into_iter().filter(|vendor| !vendors.contains(vendor)) {
        println!("\n{}", missing.left_out(source));
    }
    if identity == "jwt" {
        println!(
            "\nIDENTITY=jwt: each request needs a JWT of your issuer: curl -H \"Authorization: Bearer $JWT\" …. The log says why one \
             is refused."
        );
    } else if identity != "none" {
        println!(
            "\nIDENTITY={identity}: plain requests are answered with 401. `cargo lambda invoke` sends events that name a caller."
        );
    }
    println!("\n{LAST_LINE}\n");
}
