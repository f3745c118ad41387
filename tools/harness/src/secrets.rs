//! The Secrets Manager API on this machine: moto imitates it, behind a proxy. The proxy notes each call, and can refuse
//! or delay calls.

use crate::http::Request;
use crate::process::{Leashed, Output, free_port, lock};
use crate::serve::{self, Server, status};
use crate::{Env, http, project};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::spawn_blocking;

pub use functions::Vendor;

/// A running Secrets Manager. It ends when this is dropped, and when our process ends.
#[derive(Debug)]
pub struct SecretsManager {
    moto: Mutex<Leashed>,
    behind: String,
    desk: Arc<Mutex<Desk>>,
    address: SocketAddr,
    /// None while it is down.
    proxy: Mutex<Option<Server>>,
}

/// What goes wrong with the functions' calls until [`SecretsManager::heal`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Refused with this HTTP status and error name, such as 400 and `ThrottlingException`.
    Refuse(u16, &'static str),
    /// Answered well, but this much later.
    Late(Duration),
    /// Answered with this text instead of what the API would say.
    Say(&'static str),
}

/// What the proxy knows.
#[derive(Debug, Default)]
struct Desk {
    read: Vec<String>,
    calls: Vec<String>,
    fault: Option<Fault>,
}

impl SecretsManager {
    /// Starts one without any secret.
    ///
    /// # Panics
    /// `moto_server` is missing or doesn't start.
    pub fn start() -> SecretsManager {
        let port = free_port();
        let mut command = project::command(project::tool("moto_server"));
        command.args(["--host", "127.0.0.1", "--port", &port.to_string()]);
        let mut moto = Leashed::start(&command, Output::Collected);
        let behind = format!("http://127.0.0.1:{port}/");
        moto.wait_until(|| Request::new("GET", &format!("{behind}moto-api/data.json")).try_send().is_ok());
        let desk = Arc::<Mutex<Desk>>::default();
        let proxy = Server::start(forwarding(&behind, &desk));
        SecretsManager { moto: Mutex::new(moto), behind, desk, address: proxy.address, proxy: Mutex::new(Some(proxy)) }
    }

    /// From now on refuses the functions' connections. Breaks open connections.
    pub fn go_down(&self) {
        lock(&self.proxy).take();
    }

    /// Ends what [`Self::go_down`] began.
    ///
    /// # Panics
    /// Another program has taken the port.
    pub fn come_up(&self) {
        *lock(&self.proxy) = Some(Server::start_at(self.address, forwarding(&self.behind, &self.desk)));
    }

    /// The value for `AWS_ENDPOINT_URL_SECRETS_MANAGER`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What a function of this vendor needs to find its secret here: the vendor's secret id, the endpoint, a region and
    /// credentials that open nothing.
    pub fn env(&self, vendor: Vendor) -> Env {
        self.env_of(&[vendor])
    }

    /// Like [`Self::env`], for all vendors, because one `cargo lambda watch` serves all functions.
    pub fn env_for_all(&self) -> Env {
        self.env_of(&Vendor::ALL)
    }

    fn env_of(&self, vendors: &[Vendor]) -> Env {
        let aws = Env::from([
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "testing"),
            ("AWS_SECRET_ACCESS_KEY", "testing"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ])
        .and("AWS_ENDPOINT_URL_SECRETS_MANAGER", self.endpoint());
        vendors.iter().fold(aws, |env, vendor| env.and(vendor.variable(), vendor.secret_id()))
    }

    /// Creates a secret, or gives it a new value.
    ///
    /// # Panics
    /// The API refuses it.
    pub fn put(&self, name: &str, value: &Value) {
        self.put_text(name, &value.to_string());
    }

    /// Like [`Self::put`], for a value that need not be JSON.
    ///
    /// # Panics
    /// The API refuses it.
    pub fn put_text(&self, name: &str, value: &str) {
        let created = self.call("CreateSecret", &json!({ "Name": name, "SecretString": value }));
        if created.status != 200 {
            let put = self.call("PutSecretValue", &json!({ "SecretId": name, "SecretString": value }));
            assert_eq!(put.status, 200, "{name}: {} {}", created.text(), put.text());
        }
    }

    /// Deletes a secret at once. It cannot be restored.
    ///
    /// # Panics
    /// The API refuses it.
    pub fn delete(&self, name: &str) {
        let deleted = self.call("DeleteSecret", &json!({ "SecretId": name, "ForceDeleteWithoutRecovery": true }));
        assert_eq!(deleted.status, 200, "{name}: {}", deleted.text());
    }

    /// The secrets that GetSecretValue was asked for through [`Self::endpoint`], in order. Failed calls are listed too.
    pub fn read_secret_ids(&self) -> Vec<String> {
        lock(&self.desk).read.clone()
    }

    /// The actions that were called through [`Self::endpoint`], in order, such as `secretsmanager.GetSecretValue`.
    /// Failed calls are listed too.
    pub fn calls(&self) -> Vec<String> {
        lock(&self.desk).calls.clone()
    }

    /// From now on lets the functions' calls fail. [`Self::put`] and [`Self::delete`] still work.
    pub fn break_with(&self, fault: Fault) {
        lock(&self.desk).fault = Some(fault);
    }

    /// Ends what [`Self::break_with`] began.
    pub fn heal(&self) {
        lock(&self.desk).fault = None;
    }

    /// What moto has printed.
    pub fn logs(&self) -> String {
        lock(&self.moto).logs()
    }

    /// Whether moto has ended by itself.
    pub fn ended(&self) -> bool {
        lock(&self.moto).ended().is_some()
    }

    fn call(&self, action: &str, body: &Value) -> http::Response {
        Request::new("POST", &self.behind)
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", &format!("secretsmanager.{action}"))
            // Moto reads the region and the service here. It checks no signature.
            .header(
                "authorization",
                "AWS4-HMAC-SHA256 Credential=testing/20250101/eu-central-1/secretsmanager/aws4_request, \
                 SignedHeaders=host, Signature=0",
            )
            .body(body.to_string())
            .send()
    }
}

fn forwarding(behind: &str, desk: &Arc<Mutex<Desk>>) -> impl Fn(serve::Request) -> Forwarded + Clone + Send + 'static {
    let (behind, desk) = (behind.to_owned(), Arc::clone(desk));
    move |asked| Box::pin(forward(asked, behind.clone(), Arc::clone(&desk)))
}

type Forwarded = Pin<Box<dyn Future<Output = serve::Response> + Send>>;

async fn forward(asked: serve::Request, behind: String, desk: Arc<Mutex<Desk>>) -> serve::Response {
    let action = asked.headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let fault = {
        let mut desk = lock(&desk);
        if action == "secretsmanager.GetSecretValue" {
            let body: Value = serde_json::from_slice(&asked.body).unwrap_or_default();
            desk.read.push(body["SecretId"].as_str().unwrap_or_default().to_owned());
        }
        desk.calls.push(action.to_owned());
        desk.fault
    };
    match fault {
        Some(Fault::Refuse(code, name)) => {
            let body = json!({ "__type": name, "message": "the test wants it so" });
            return typed(status(code, body.to_string()));
        }
        Some(Fault::Say(text)) => return typed(status(200, text)),
        Some(Fault::Late(delay)) => tokio::time::sleep(delay).await,
        None => {}
    }
    let path = asked.path.trim_start_matches('/');
    let mut request = Request::new(asked.method.as_str(), &format!("{behind}{path}")).body(asked.body);
    for (name, value) in &asked.headers {
        if let Ok(value) = value.to_str()
            && !["connection", "content-length", "host", "transfer-encoding"].contains(&name.as_str())
        {
            request = request.header(name.as_str(), value);
        }
    }
    // The client blocks, and all our servers share one thread.
    match spawn_blocking(|| request.try_send()).await.expect("sending does not panic") {
        Ok(response) => typed(status(response.status, response.body)),
        Err(error) => status(502, format!("moto does not answer: {error}")),
    }
}

fn typed(mut response: serve::Response) -> serve::Response {
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.1"));
    response
}
