//! The local file with both vendors' secrets, `{"agora":{...},"zego":{...}}`.

use super::store::{NO_PART, Reading, SecretStore, SecretText};
use crate::keeper::LoadError;
use crate::small_file::{self, Version};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The file at this path.
pub(super) struct LocalFile(pub(super) PathBuf);

impl SecretStore for LocalFile {
    fn read<'a>(&'a self, vendor: &'a str) -> Reading<'a> {
        Box::pin(async move { self.part(vendor) })
    }

    fn version(&self) -> Option<Version> {
        Version::of(&self.0)
    }
}

impl LocalFile {
    /// One vendor's part.
    fn part(&self, vendor: &str) -> Result<SecretText, LoadError> {
        let failure = |outcome, reason: &str| LoadError { outcome, reason: reason.to_owned() };
        let content = small_file::read(&self.0).map_err(|_| failure("failed", "the file cannot be read"))?;
        let text = std::str::from_utf8(&content).map_err(|_| failure("failed", "the file cannot be read"))?;
        let parts: BTreeMap<&str, &RawValue> =
            serde_json::from_str(text).map_err(|_| failure("failed", "the file is not a JSON object"))?;
        let part = parts.get(vendor).ok_or_else(|| failure(NO_PART, "the file has no part for this vendor"))?;
        Ok(SecretText::new(part.get().to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// What is read from a file with this content: a vendor's part, or the outcome and the reason.
    async fn read(content: &[u8], vendor: &str) -> Result<String, (&'static str, String)> {
        let path = std::env::temp_dir().join(format!("tokenmint-local-file-{}.json", std::process::id()));
        fs::write(&path, content).expect("the folder takes files");
        let store = LocalFile(path.clone());
        let read = store.read(vendor).await;
        fs::remove_file(path).expect("it is there");
        read.map(|text| text.expose().to_owned()).map_err(|LoadError { outcome, reason }| (outcome, reason))
    }

    /// One test, because all its files have the same name.
    #[tokio::test]
    async fn a_vendor_gets_its_own_part_or_a_reason_without_the_files_content() {
        let both = br#"{"agora": {"app_id": "5ecret"}, "zego": 7}"#;
        assert_eq!(read(both, "agora").await.as_deref(), Ok(r#"{"app_id": "5ecret"}"#));
        assert_eq!(read(both, "zego").await.as_deref(), Ok("7"), "the vendor's own code checks the secret");

        let no_part = ("no-part", "the file has no part for this vendor".to_owned());
        assert_eq!(read(br#"{"agora":{}}"#, "zego").await, Err(no_part.clone()));
        assert_eq!(read(b"{}", "agora").await, Err(no_part));
        let no_object = ("failed", "the file is not a JSON object".to_owned());
        for other in ["", "[]", "5ecret", r#"{"agora":{"app_id":"5ecret"}"#] {
            assert_eq!(read(other.as_bytes(), "agora").await, Err(no_object.clone()), "{other}");
        }
        let unreadable = ("failed", "the file cannot be read".to_owned());
        assert_eq!(read(b"\xff", "agora").await, Err(unreadable.clone()), "it is not UTF-8");
        let missing = LocalFile("/nowhere/5ecret.json".into()).part("agora").err();
        assert_eq!(missing.map(|error| (error.outcome, error.reason)), Some(unreadable));
    }
}
