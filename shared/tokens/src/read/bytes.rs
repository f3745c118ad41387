//! What the formats are made of: base64, zlib, texts and maps.

use super::{MAX_INFLATION, ReadError};
use crate::agora::Unpack;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use flate2::{Decompress, FlushDecompress, Status};
use std::collections::BTreeMap;

/// Standard, padded base64. If every character is right and the length is not, the text was cut short.
pub(super) fn decode(text: &str) -> Result<Vec<u8>, ReadError> {
    let unpadded = text.trim_end_matches('=');
    if !unpadded.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/')) {
        return Err(ReadError::NotBase64);
    }
    if unpadded.is_empty() || !text.len().is_multiple_of(4) {
        return Err(ReadError::CutShort);
    }
    BASE64_STANDARD.decode(text).map_err(|_| ReadError::NotBase64)
}

/// Inflates a whole zlib stream, up to a limit.
pub(super) fn inflate(stream: &[u8]) -> Result<Vec<u8>, ReadError> {
    let limit = stream.len().saturating_mul(MAX_INFLATION);
    let mut inflater = Decompress::new(true);
    let mut payload = Vec::with_capacity(limit.min(stream.len() * 2));
    loop {
        let read = usize::try_from(inflater.total_in()).map_err(|_| ReadError::TooLarge)?;
        let written = payload.len();
        let status = inflater
            .decompress_vec(&stream[read..], &mut payload, FlushDecompress::None)
            .map_err(|_| ReadError::BadZlib)?;
        if status == Status::StreamEnd {
            let read = usize::try_from(inflater.total_in()).map_err(|_| ReadError::TooLarge)?;
            return if read == stream.len() { Ok(payload) } else { Err(ReadError::TrailingBytes) };
        }
        if payload.len() < payload.capacity() {
            // There was room left, so the stream ends too early.
            if payload.len() == written {
                return Err(ReadError::CutShort);
            }
        } else if payload.capacity() >= limit {
            return Err(ReadError::TooLarge);
        } else {
            let more = payload.capacity().min(limit - payload.capacity()).max(1);
            payload.reserve_exact(more);
        }
    }
}

pub(super) fn text(rest: &mut Unpack<'_>) -> Result<String, ReadError> {
    let bytes = rest.take_bytes().ok_or(ReadError::CutShort)?;
    str::from_utf8(bytes).map(str::to_owned).map_err(|_| ReadError::NotUtf8)
}

pub(super) fn map(rest: &mut Unpack<'_>) -> Result<BTreeMap<u16, u32>, ReadError> {
    let count = rest.take_u16().ok_or(ReadError::CutShort)?;
    (0..count).map(|_| Some((rest.take_u16()?, rest.take_u32()?))).collect::<Option<_>>().ok_or(ReadError::CutShort)
}
