//! An image of the Dockerfile, built by buildah without a daemon and without a registry, and a container of it, run by runc.
//! Both need root.

use crate::process::{Leashed, Output, lock};
use crate::{Env, project};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// A built image.
#[derive(Debug)]
pub struct Image {
    folder: PathBuf,
    /// Its files, as a container sees them.
    pub tree: PathBuf,
    /// How it is run: `User`, `Entrypoint`, `Healthcheck` and so on, under Docker's names.
    pub config: Value,
    /// How large its layers are, uncompressed.
    pub bytes: u64,
}

impl Image {
    /// Builds the last stage of a Dockerfile with the repository as its context. `stages` are folders in place of the other
    /// stages, by their names. What is built goes into `folder`, which is emptied before.
    ///
    /// # Panics
    /// It cannot be built.
    pub fn build(dockerfile: &Path, stages: &[(&str, &Path)], folder: &Path) -> Image {
        if folder.exists() {
            fs::remove_dir_all(folder).expect("it is ours");
        }
        fs::create_dir_all(folder).expect("a folder of our own");
        let buildah = |arguments: &[&str]| {
            // This driver needs nothing of the kernel: each layer is a folder.
            let mut command = project::command("buildah");
            command.args(["--storage-driver", "vfs"]);
            for (option, name) in [("--root", "storage"), ("--runroot", "run")] {
                command.arg(option).arg(folder.join(name));
            }
            printed(command.args(arguments))
        };
        let file = dockerfile.to_str().expect("UTF-8");
        let root = project::root().to_str().expect("UTF-8");
        // The format of OCI has no health checks.
        let mut build = vec!["bud", "--quiet", "--format", "docker", "--isolation", "chroot", "--tag", "image"];
        let stages: Vec<_> =
            stages.iter().map(|(name, folder)| format!("--build-context={name}={}", folder.display())).collect();
        build.extend(stages.iter().map(String::as_str));
        build.extend(["--file", file, root]);
        buildah(&build);
        let inspected: Value = parsed(&buildah(&["inspect", "--type", "image", "image"]));
        let manifest: Value = parsed(inspected["Manifest"].as_str().expect("a text"));
        let layers = manifest["layers"].as_array().expect("a list").iter();
        let container = buildah(&["from", "image"]);
        Image {
            folder: folder.to_owned(),
            tree: buildah(&["mount", container.trim()]).trim().into(),
            config: inspected["Docker"]["config"].clone(),
            bytes: layers.map(|layer| layer["size"].as_u64().expect("a number")).sum(),
        }
    }

    /// The words of a command in the image's configuration.
    ///
    /// # Panics
    /// They are not texts.
    pub fn words(&self, pointer: &str) -> Vec<String> {
        let words = self.config.pointer(pointer).and_then(Value::as_array).cloned().unwrap_or_default();
        words.iter().map(|word| word.as_str().expect("a text").to_owned()).collect()
    }

    /// The numbers of its user and its group.
    fn user(&self) -> (u32, u32) {
        let user = self.config["User"].as_str().expect("a text");
        let (user, group) = user.split_once(':').expect("a user and a group");
        (user.parse().expect("a number"), group.parse().expect("a number"))
    }
}

/// A running container. It ends when this is dropped, and when our process ends.
///
/// It is what `docker run --read-only --cap-drop ALL --security-opt no-new-privileges --network host` makes.
#[derive(Debug)]
pub struct Container<'a> {
    image: &'a Image,
    id: String,
    leashed: Mutex<Leashed>,
}

impl Container<'_> {
    /// Runs the image's command. The variables are added to the image's own. Each folder of `mounts` is mounted for reading,
    /// at this place in the container.
    ///
    /// # Panics
    /// runc is not installed.
    pub fn start<'a>(image: &'a Image, env: impl Into<Env>, mounts: &[(&Path, &str)]) -> Container<'a> {
        let id = format!("tokenmint-{}-{:?}", std::process::id(), std::thread::current().id());
        let id: String = id.chars().filter(|it| it.is_ascii_alphanumeric() || *it == '-').collect();
        let bundle = image.folder.join("containers").join(&id);
        fs::create_dir_all(&bundle).expect("a folder of our own");
        let bound = mounts.iter().map(|(source, destination)| {
            json!({ "source": source, "destination": destination, "type": "bind", "options": ["bind", "ro", "nosuid", "nodev"] })
        });
        let of_system = [
            json!({ "source": "proc", "destination": "/proc", "type": "proc" }),
            json!({ "source": "tmpfs", "destination": "/dev", "type": "tmpfs", "options": ["nosuid", "mode=755"] }),
        ];
        let (uid, gid) = image.user();
        let own = env.into();
        let env = own.iter().map(|(name, value)| format!("{name}={value}"));
        let words = [image.words("/Entrypoint"), image.words("/Cmd")].concat();
        let namespaces = ["pid", "mount", "ipc", "uts"].map(|kind| json!({ "type": kind }));
        let config = json!({
            "ociVersion": "1.0.2",
            "root": { "path": image.tree, "readonly": true },
            "process": {
                "user": { "uid": uid, "gid": gid },
                "args": words,
                "env": image.words("/Env").into_iter().chain(env).collect::<Vec<_>>(),
                "cwd": "/",
                "capabilities": {},
                "noNewPrivileges": true,
            },
            "mounts": of_system.into_iter().chain(bound).collect::<Vec<_>>(),
            "linux": { "namespaces": namespaces },
        });
        fs::write(bundle.join("config.json"), config.to_string()).expect("a folder of our own");
        let mut run = runc(image);
        run.args(["run", "--bundle"]).arg(&bundle).arg(&id);
        Container { image, id, leashed: Mutex::new(Leashed::start(&run, Output::Collected)) }
    }

    /// Runs another command in it, as the same user. Returns its exit code and what it printed.
    ///
    /// # Panics
    /// runc is not installed.
    pub fn run(&self, words: &[String]) -> (Option<i32>, String) {
        let output = runc(self.image).args(["exec", &self.id]).args(words).output().expect("runc is installed");
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&text).into_owned())
    }

    /// Waits until this is true.
    ///
    /// # Panics
    /// The container has ended, or a minute has passed.
    pub fn wait_until(&self, ready: impl Fn() -> bool) {
        lock(&self.leashed).wait_until(ready);
    }

    /// The id that its first process has outside.
    ///
    /// # Panics
    /// It has ended.
    pub fn pid(&self) -> u64 {
        let state: Value = parsed(&printed(runc(self.image).args(["state", &self.id])));
        state["pid"].as_u64().expect("a number")
    }

    /// Sends SIGTERM to its first process, as `docker stop` does.
    ///
    /// # Panics
    /// It has ended.
    pub fn terminate(&self) {
        printed(runc(self.image).args(["kill", &self.id, "TERM"]));
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// It is still running after twelve seconds.
    pub fn ended(&self) -> ExitStatus {
        let begun = Instant::now();
        loop {
            let mut leashed = lock(&self.leashed);
            if let Some(status) = leashed.ended() {
                return status;
            }
            assert!(begun.elapsed() < Duration::from_secs(12), "it does not end:\n{}", leashed.logs());
            drop(leashed);
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Ends it, and returns all that it has printed.
    pub fn end(self) -> String {
        lock(&self.leashed).finish()
    }
}

fn runc(image: &Image) -> Command {
    let mut command = project::command("runc");
    command.arg("--root").arg(image.folder.join("runc"));
    command
}

/// What a command prints. It must succeed.
fn printed(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}
