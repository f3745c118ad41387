//! TLS with certificates and a key from files.

use super::settings::TlsFiles;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use service::small_file::{self, Version};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use thiserror::Error;
use tokio_rustls::TlsAcceptor;
use tracing::{info, warn};

/// Accepts TLS connections with what the files held when they were last read.
pub(super) struct Acceptor {
    files: TlsFiles,
    current: Mutex<(Versions, Arc<ServerConfig>)>,
}

/// The states of both files.
type Versions = [Option<Version>; 2];

/// Why a file cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum TlsError {
    #[error("TLS_CERT_FILE must be a file with certificates in PEM")]
    Certificates,
    #[error("TLS_KEY_FILE must be a file with a private key in PEM")]
    Key,
    #[error("TLS_KEY_FILE must be the key of the first certificate in TLS_CERT_FILE")]
    NotTogether,
}

impl Acceptor {
    pub(super) fn load(files: &TlsFiles) -> Result<Acceptor, TlsError> {
        let current = Mutex::new((versions(files), Arc::new(config(files)?)));
        Ok(Acceptor { files: files.clone(), current })
    }

    pub(super) fn now(&self) -> TlsAcceptor {
        Arc::clone(&self.current.lock().unwrap_or_else(PoisonError::into_inner).1).into()
    }

    /// If a file has changed, reads both. If they cannot be used, the older ones stay in use.
    pub(super) fn load_changed_files(&self) {
        let versions = versions(&self.files);
        if self.current.lock().unwrap_or_else(PoisonError::into_inner).0 == versions {
            return;
        }
        match config(&self.files) {
            Ok(config) => {
                *self.current.lock().unwrap_or_else(PoisonError::into_inner) = (versions, Arc::new(config));
                info!("certificates loaded");
            }
            Err(reason) => {
                self.current.lock().unwrap_or_else(PoisonError::into_inner).0 = versions;
                warn!(%reason, "certificates not loaded");
            }
        }
    }
}

fn versions(files: &TlsFiles) -> Versions {
    [&files.certificates, &files.key].map(|path| Version::of(path))
}

fn config(files: &TlsFiles) -> Result<ServerConfig, TlsError> {
    let certificates = certificates(&files.certificates).filter(|all| !all.is_empty()).ok_or(TlsError::Certificates)?;
    let key = small_file::read(&files.key).map_err(|_| TlsError::Key)?;
    let key = PrivateKeyDer::from_pem_slice(&key).map_err(|_| TlsError::Key)?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider has these versions")
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .map_err(|_| TlsError::NotTogether)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn certificates(path: &Path) -> Option<Vec<CertificateDer<'static>>> {
    CertificateDer::pem_slice_iter(&small_file::read(path).ok()?).collect::<Result<_, _>>().ok()
}
