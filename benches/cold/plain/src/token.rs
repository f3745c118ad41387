//! A `007` token, built as the vendor's builders do it: with a new compressor for each token.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::error::Error;
use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

const RTM: u16 = 2;
const LOGIN: u16 = 1;

/// A token for RTM with the privilege to log in.
pub fn rtm(app_id: &str, certificate: &str, user: &str, ttl: u32) -> Result<String, Box<dyn Error + Send + Sync>> {
    let issued = u32::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())?;
    let salt: u32 = rand::random();
    let key = mac(&issued.to_le_bytes(), certificate.as_bytes())?;
    let key = mac(&salt.to_le_bytes(), &key)?;

    let mut message = Vec::new();
    text(&mut message, app_id.as_bytes())?;
    for number in [issued, ttl, salt] {
        message.extend(number.to_le_bytes());
    }
    for number in [1, RTM, 1, LOGIN] {
        message.extend(number.to_le_bytes());
    }
    message.extend(ttl.to_le_bytes());
    text(&mut message, user.as_bytes())?;

    let signature = mac(&key, &message)?;
    let mut content = Vec::new();
    text(&mut content, &signature)?;
    content.extend(message);
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&content)?;
    Ok(format!("007{}", STANDARD.encode(encoder.finish()?)))
}

fn mac(key: &[u8], message: &[u8]) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key)?;
    mac.update(message);
    Ok(mac.finalize().into_bytes().to_vec())
}

fn text(to: &mut Vec<u8>, text: &[u8]) -> Result<(), Box<dyn Error + Send + Sync>> {
    to.extend(u16::try_from(text.len())?.to_le_bytes());
    to.extend(text);
    Ok(())
}
