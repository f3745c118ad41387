//! Secrets Manager over TLS, as in AWS. Here no proxy stands between the functions and moto. A program trusts this
//! authority only if it is told to. And what a test of another TLS server needs: certificates, and a client.

use crate::process::{Leashed, Output, free_port};
use crate::secrets::Vendor;
use crate::{Env, project};
use serde_json::Value;
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use std::{env, fs, process};

/// The file in which Debian and related systems keep the public authorities.
const SYSTEM_ROOTS: &str = "/etc/ssl/certs/ca-certificates.crt";

/// A running Secrets Manager behind TLS, with an authority of its own that lives for a day. It ends when this is
/// dropped, and when our process ends.
#[derive(Debug)]
pub struct SecretsManagerOverTls {
    folder: PathBuf,
    port: u16,
    _moto: Leashed,
}

impl SecretsManagerOverTls {
    /// Starts one without any secret.
    ///
    /// # Panics
    /// `moto_server` is missing or doesn't start.
    pub fn start() -> SecretsManagerOverTls {
        let port = free_port();
        let folder = env::temp_dir().join(format!("tokenmint-tls-{}-{port}", process::id()));
        fs::create_dir_all(&folder).expect("the system has room for temporary files");
        certificates(&folder);
        let mut command = project::command(project::tool("moto_server"));
        command.args(["--host", "127.0.0.1", "--port", &port.to_string()]);
        command.arg("--ssl-cert").arg(folder.join("server.pem")).arg("--ssl-key").arg(folder.join("server.key"));
        let mut moto = Leashed::start(&command, Output::Collected);
        moto.wait_until(|| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok());
        let authority = fs::read(folder.join("ca.pem")).expect("just written");
        let amazon = project::root().join("shared/service/src/aws/roots.pem");
        for (name, others) in [("amazon-too.pem", &*amazon), ("all.pem", Path::new(SYSTEM_ROOTS))] {
            let others = fs::read(others).unwrap_or_else(|error| panic!("{}: {error}", others.display()));
            let all = [&*others, &*authority].concat();
            fs::write(folder.join(name), all).expect("the system has room for temporary files");
        }
        SecretsManagerOverTls { folder, port, _moto: moto }
    }

    /// Creates a secret.
    ///
    /// # Panics
    /// The API refuses it.
    pub fn put(&self, name: &str, value: &Value) {
        script(&["put", &self.url(), text(&self.authority()), name, &value.to_string()]);
    }

    /// What a function of this vendor needs to find its secret here. The authority to trust is not in it.
    pub fn env(&self, vendor: Vendor) -> Env {
        Env::from([("AWS_ENDPOINT_URL_SECRETS_MANAGER", &*self.url()), (vendor.variable(), vendor.secret_id())])
    }

    /// A PEM file with its authority alone.
    pub fn authority(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// A PEM file with its authority and Amazon's. It is as long as the list inside our functions, so reading it costs
    /// the same.
    pub fn authority_and_amazons(&self) -> PathBuf {
        self.folder.join("amazon-too.pem")
    }

    /// A PEM file with its authority and all that this system trusts. It is as long as the system's list in Lambda, so
    /// reading it costs the same.
    pub fn authority_and_all(&self) -> PathBuf {
        self.folder.join("all.pem")
    }

    /// How long moto takes to give a secret to a warm client that does nothing else. Each call uses a new connection.
    ///
    /// # Panics
    /// There is no such secret.
    pub fn time(&self, secret: &str, times: usize) -> Vec<Duration> {
        let took = script(&["time", &self.url(), text(&self.authority()), secret, &times.to_string()]);
        let took: Vec<f64> = serde_json::from_str(&took).expect("it prints a list of milliseconds");
        took.into_iter().map(|milliseconds| Duration::from_secs_f64(milliseconds / 1000.0)).collect()
    }

    fn url(&self) -> String {
        format!("https://localhost:{}", self.port)
    }
}

impl Drop for SecretsManagerOverTls {
    fn drop(&mut self) {
        // If the folder cannot be removed, it stays: it is a temporary one.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Puts into this folder: `server.pem` and `server.key` for localhost, and `ca.pem`, the authority that signed them.
///
/// # Panics
/// The folder takes no files.
pub fn certificates(folder: &Path) {
    script(&["certificates", text(folder)]);
}

/// Asks with GET over TLS, with OpenSSL, and returns the answer's JSON. Trusts this authority alone.
///
/// # Errors
/// The server's certificate is not signed by this authority, or TLS fails for another reason.
///
/// # Panics
/// The answer has another status than 200.
pub fn get(url: &str, authority: &Path) -> Result<Value, String> {
    let answer: Value = serde_json::from_str(&script(&["get", url, text(authority)])).expect("it prints JSON");
    match answer["error"].as_str() {
        Some(error) => Err(error.to_owned()),
        None => Ok(answer["answer"].clone()),
    }
}

fn script(arguments: &[&str]) -> String {
    let mut command = Command::new(project::tool("python"));
    let output = command
        .arg(project::root().join("tools/harness/tls/moto.py"))
        .args(arguments)
        .output()
        .expect("it is a Python");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("it prints text")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("temporary folders have plain names")
}
