//! Files of the deployer: credentials, certificates, private keys. They are small, and may be replaced while we run.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use zeroize::Zeroizing;

/// No such file is longer, in bytes.
const MAX_BYTES: u64 = 256 * 1024;

/// Tells one state of a file from another. Links are followed. So another target of Kubernetes' link is another state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    device: u64,
    file: u64,
    /// When its content or its permissions last changed, in seconds and nanoseconds. A program can set the time of the
    /// content, but not this one.
    changed: (i64, i64),
}

impl Version {
    /// The state of the file at this path. `None`: there is none.
    pub fn of(path: &Path) -> Option<Version> {
        let file = std::fs::metadata(path).ok()?;
        Some(Version { device: file.dev(), file: file.ino(), changed: (file.ctime(), file.ctime_nsec()) })
    }
}

/// The content of the file at this path. It is wiped from memory when it is dropped.
///
/// # Errors
/// There is no such file, it cannot be read, or it is longer than 256 KiB. A pipe is no file: reading it would wait.
pub fn read(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let file = std::fs::metadata(path)?;
    if !file.is_file() || file.len() > MAX_BYTES {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // One allocation, because a growing one would leave copies of the secret behind.
    let mut content = Zeroizing::new(Vec::with_capacity(usize::try_from(MAX_BYTES).unwrap_or_default() + 1));
    File::open(path)?.take(MAX_BYTES + 1).read_to_end(&mut content)?;
    match u64::try_from(content.len()) {
        Ok(0..=MAX_BYTES) => Ok(content),
        _ => Err(io::ErrorKind::InvalidInput.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn only_a_small_file_is_read() {
        let folder = std::env::temp_dir().join(format!("tokenmint-small-file-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let path = folder.join("file");
        for (length, is_read) in [(0, true), (256 * 1024, true), (256 * 1024 + 1, false)] {
            fs::write(&path, vec![b'x'; length]).expect("a file");
            assert_eq!(read(&path).ok().map(|content| content.len()), is_read.then_some(length));
        }
        let pipe = folder.join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.is_ok_and(|status| status.success()));
        for other in [&pipe, &folder, &folder.join("nothing")] {
            assert!(read(other).is_err(), "{other:?}");
        }
        fs::remove_dir_all(&folder).expect("it is ours");
    }

    #[test]
    fn every_change_is_another_version() {
        let folder = std::env::temp_dir().join(format!("tokenmint-version-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let (path, other) = (folder.join("file"), folder.join("other"));
        let version = || Version::of(&path);
        assert_eq!(version(), None);
        fs::write(&path, "a").expect("a file");
        let first = version();
        assert!(first.is_some() && version() == first);
        // The same length, and the same time of the content.
        fs::write(&other, "b").expect("a file");
        let written = fs::metadata(&path).and_then(|file| file.modified()).expect("a time");
        File::options().write(true).open(&other).and_then(|file| file.set_modified(written)).expect("it is ours");
        fs::rename(&other, &path).expect("it is ours");
        let second = version();
        assert_ne!(second, first);
        fs::remove_dir_all(&folder).expect("it is ours");
    }
}
