//! Reads an issuer's key set over HTTPS.
//!
//! The issuer's authorities are Mozilla's, because issuers are not Amazon's. Vendors' secrets have other authorities:
//! see [`aws`](crate::aws).

use super::{KeyServer, Reading};
use crate::config::{Address, KeysFrom};
use crate::json::{self, Json};
use crate::keeper::LoadError;
use http::header::HOST;
use http::{Request, Response};
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use std::error::Error;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tower_service::Service;

/// The largest answer that is read, in bytes.
const MAX_BYTES: usize = 64 * 1024;

/// An issuer's server.
pub(crate) struct IssuerServer {
    connector: HttpsConnector<HttpConnector>,
    issuer: String,
    keys: KeysFrom,
    /// What an attempt has discovered that did not get further.
    discovered: Mutex<Option<Address>>,
}

impl IssuerServer {
    pub(crate) fn new(issuer: String, keys: KeysFrom) -> IssuerServer {
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let connector = HttpsConnectorBuilder::new()
            .with_provider_and_webpki_roots(provider)
            .expect("the provider has the protocol versions that rustls asks for")
            // Addresses were checked: plain HTTP is for this machine alone.
            .https_or_http()
            .enable_http1()
            .build();
        IssuerServer { connector, issuer, keys, discovered: Mutex::new(None) }
    }

    async fn key_set(&self) -> Result<Vec<u8>, LoadError> {
        let address = match &self.keys {
            KeysFrom::Address(address) => address.clone(),
            KeysFrom::Discovery(document) => self.discovered(document).await?,
        };
        let keys = self.get(&address).await;
        *self.lock() = None;
        keys
    }

    /// The address of the keys. Both reads must end within one attempt of the keeper. If an attempt ends after the first
    /// one, because the issuer is far away, the next attempt goes on from there.
    async fn discovered(&self, document: &Address) -> Result<Address, LoadError> {
        let by_the_attempt_before = self.lock().take();
        if let Some(address) = by_the_attempt_before {
            return Ok(address);
        }
        let address = self.discover(document).await?;
        *self.lock() = Some(address.clone());
        Ok(address)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Address>> {
        self.discovered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The address of the keys, from the issuer's own document (OpenID Connect Discovery 1.0).
    async fn discover(&self, document: &Address) -> Result<Address, LoadError> {
        let malformed = |reason: &str| LoadError { outcome: "malformed", reason: reason.to_owned() };
        let text = self.get(document).await?;
        let Ok(Json::Object(fields)) = json::parse(&text) else {
            return Err(malformed("the issuer's configuration is not a JSON object"));
        };
        match (fields.get("issuer"), fields.get("jwks_uri")) {
            (Some(Json::Text(issuer)), _) if *issuer != self.issuer => {
                Err(malformed("the issuer's configuration names another issuer"))
            }
            (Some(Json::Text(_)), Some(Json::Text(keys))) => {
                // An issuer elsewhere must not make us ask a server on this machine.
                let address = Address::parse(keys).filter(|keys| keys.is_https() || !document.is_https());
                address.ok_or_else(|| malformed("jwks_uri must be https, or http if the issuer is on this machine"))
            }
            _ => Err(malformed("the issuer's configuration lacks issuer or jwks_uri")),
        }
    }

    async fn get(&self, address: &Address) -> Result<Vec<u8>, LoadError> {
        // Only the kind of an error is logged. Its text may contain anything that the other side sent.
        let failed = |outcome, reason: &str| LoadError { outcome, reason: reason.to_owned() };
        let response = self.ask(address).await.map_err(|_| failed("unreachable", "no answer"))?;
        // A redirect could lead anywhere, so none is followed.
        if response.status() != 200 {
            return Err(failed("refused", response.status().as_str()));
        }
        let body = Limited::new(response.into_body(), MAX_BYTES).collect().await;
        let body = body.map_err(|error| match error.is::<LengthLimitError>() {
            true => failed("malformed", "the answer is longer than 64 KiB"),
            false => failed("unreachable", "the answer ended too early"),
        })?;
        Ok(body.to_bytes().to_vec())
    }

    /// Sends one request over a connection of its own. Lambda may freeze the function before the next request, and then
    /// the connection dies. So hyper's client, which keeps connections, would only make each package 0.14 MB larger.
    async fn ask(&self, address: &Address) -> Result<Response<Incoming>, Box<dyn Error + Send + Sync>> {
        let stream = self.connector.clone().call(address.uri().clone()).await?;
        let (mut sender, connection) = http1::handshake(stream).await?;
        // It ends when the response is read, or when nobody waits for it any more.
        tokio::spawn(connection);
        let request = Request::get(address.path_and_query()).header(HOST, address.authority());
        Ok(sender.send_request(request.body(Empty::<&[u8]>::new())?).await?)
    }
}

impl KeyServer for IssuerServer {
    fn read(&self) -> Reading<'_> {
        Box::pin(self.key_set())
    }
}
