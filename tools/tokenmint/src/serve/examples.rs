//! What to ask the server, for a person who has just started it.

use functions::{ALL, Vendor};
use service::http::Server;
use service::{Callers, RouteKey};
use std::fmt::Write;
use std::net::SocketAddr;

/// One command for each kind of token that the server has credentials for.
pub(super) fn text(server: &Server, address: SocketAddr, tls: bool) -> String {
    let url = format!("{}://{address}", if tls { "https" } else { "http" });
    let mut text = format!("\nServing at {url}/\n");
    match server.believes_everybody() {
        true => requests(&mut text, server, &url),
        false => signed_in_requests(&mut text, server, &url),
    }
    .expect("a text takes all");
    text.push_str("\nCtrl-C ends it.\n");
    text
}

/// Each vendor, and whether the server has its credentials.
fn vendors(server: &Server) -> impl Iterator<Item = (Vendor, bool)> {
    Vendor::ALL.into_iter().map(|vendor| {
        let mut routes = ALL.iter().filter(|function| function.vendor() == vendor).flat_map(|it| it.route_keys());
        (vendor, routes.any(|route| server.has_key_for(&route)))
    })
}

fn requests(text: &mut String, server: &Server, url: &str) -> std::fmt::Result {
    writeln!(text, "It believes every caller of this machine. One request for each kind of token:\n")?;
    for (vendor, _) in vendors(server).filter(|(_, has_key)| *has_key) {
        let examples = ALL.iter().filter(|function| function.vendor() == vendor).flat_map(|function| function.examples);
        for example in examples.filter(|example| !example.drop_in) {
            writeln!(text, "  {}", example.command(url))?;
        }
    }
    if server.has_drop_ins() {
        writeln!(
            text,
            "\n  # The routes of agora-token-service, ZEGO's demo server and others are here, too (DROP_IN)"
        )?;
    }
    for (missing, _) in vendors(server).filter(|(_, has_key)| !has_key) {
        writeln!(text, "\n{}", missing.left_out("LOCAL_CREDENTIALS"))?;
    }
    Ok(())
}

fn signed_in_requests(text: &mut String, server: &Server, url: &str) -> std::fmt::Result {
    writeln!(text, "Each request needs a JWT of your issuer. The log says why one is refused. For example:\n")?;
    let routes = server.routes().into_iter().filter(|route| route.method == "GET" && route.callers == Callers::Users);
    let routes = routes.filter(|route| !route.drop_in);
    for RouteKey { path, .. } in routes.filter(|route| server.has_key_for(route)) {
        let path = path.replace("{user_id}", "me").replace("{channel}", "demo");
        writeln!(text, "  curl -H \"Authorization: Bearer $JWT\" '{url}{path}'")?;
    }
    Ok(())
}
