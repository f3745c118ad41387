//! Every command of README, tutorials and how-to runs, in a copy of the repository, against the local run.
//!
//! A page is one bash session: its blocks ```` ```console ````, ```` ```sh ```` and ```` ```bash ```` run in their order, and a variable stays
//! set. In a `console` block, `$ ` begins a command, and what follows it is compared with what the command prints (see
//! `shape.rs`). Such a command may end with any status. All other commands must end with status 0.
//!
//! A block that is only indented would never run, so it must not occur. A block that cannot run here has a comment on the line before it: `<!-- not run: needs an AWS account -->`. Without
//! a reason it fails.
//!
//! Four commands are changed before they run, because tests run at the same time and nothing may be compiled twice:
//!
//! * `make run` starts a local run, `make watch` the emulator, with the variables before it, and later commands of the page ask that one. The
//!   pages' port (9000, or `PORT`) is replaced by the one where it serves. A page that starts none asks a common one.
//! * Any other `make VERB` but `make help` is only a dry run (`make --dry-run`), so the verb must exist.
//! * `cargo run … -p tokenmint --` is the program that the workspace's build made. So is `tokenmint`.
//! * `cargo lambda invoke` gets the port.
//!
//! The home folder is empty at the start of each page, and no other machine can be reached with curl.

use crate::documents::shape;
use harness::local::{LocalRun, Program};
use harness::{CONFIGURATION, Env, project};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::rc::Rc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How long one command may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// The port that the pages speak of.
const PORT: &str = "9000";

/// One block of commands.
struct Block {
    /// `console`, `sh` or `bash`.
    language: String,
    /// Where its first line is.
    line: usize,
    lines: Vec<String>,
    /// Why it does not run here.
    not_run: Option<String>,
}

/// One command, and what it prints according to the page.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    line: usize,
    command: String,
    /// `None`: the page says nothing about it.
    printed: Option<String>,
}

/// The reason in `<!-- not run: reason -->`.
fn not_run(line: &str) -> Option<Result<String, String>> {
    let inside = line.trim().strip_prefix("<!--")?.trim_start().strip_prefix("not run")?;
    let reason = inside.strip_prefix(':').and_then(|reason| reason.strip_suffix("-->")).map(str::trim);
    Some(reason.filter(|reason| !reason.is_empty()).map(str::to_owned).ok_or_else(|| line.to_owned()))
}

/// The blocks of commands in a page.
fn blocks(page: &str) -> Result<Vec<Block>, String> {
    let mut blocks = Vec::new();
    let mut reason = None;
    // The last line that is neither blank nor indented, and whether a blank line came after it.
    let (mut before, mut blank) = ("", true);
    let mut lines = page.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let indent = line.len() - line.trim_start().len();
        let fence = line.trim_start();
        if let Some(said) = not_run(line) {
            if reason.replace(said.map_err(|line| format!("{line} gives no reason"))?).is_some() {
                return Err(format!("line {}: two comments for one block", number + 1));
            }
        } else if let Some(language) = fence.strip_prefix("```") {
            let inside = lines.by_ref().map(|(_, line)| line).take_while(|line| line.trim() != "```");
            let inside = inside.map(|line| line.get(indent..).unwrap_or_default().to_owned()).collect();
            if ["console", "sh", "bash"].contains(&language) {
                let not_run = reason.take();
                blocks.push(Block { language: language.to_owned(), line: number + 2, lines: inside, not_run });
            } else if reason.is_some() {
                return Err(format!("line {}: a block of {language:?} never runs", number + 1));
            }
        } else if reason.is_some() && !line.trim().is_empty() {
            return Err(format!("line {}: no block follows the comment", number + 1));
        } else if indent >= 4 && blank && !fence.is_empty() && !is_item(before) {
            return Err(format!("line {}: a block without ``` never runs", number + 1));
        }
        blank = fence.is_empty();
        if indent == 0 && !blank {
            before = line;
        }
    }
    if reason.is_some() { Err("no block follows the last comment".to_owned()) } else { Ok(blocks) }
}

/// Whether an item of a list begins here. What is indented after it belongs to it.
fn is_item(line: &str) -> bool {
    let after_number = line.trim_start_matches(|letter: char| letter.is_ascii_digit());
    ["- ", "* ", "+ "].iter().any(|item| line.starts_with(item))
        || (after_number != line && after_number.starts_with(". "))
}

/// Whether bash would ask for another line.
fn unfinished(command: &str) -> bool {
    let checked = Command::new("bash").args(["-n", "-c", command]).output().expect("bash is there");
    command.ends_with('\\') || !checked.status.success() || !checked.stderr.is_empty()
}

/// The commands of a block.
fn steps(block: &Block) -> Result<Vec<Step>, String> {
    let console = block.language == "console";
    let mut steps: Vec<Step> = Vec::new();
    let mut lines = block.lines.iter().enumerate();
    while let Some((at, line)) = lines.next() {
        let begins = if console { line.strip_prefix("$ ") } else { Some(line.as_str()) };
        let Some(begins) = begins else {
            let Some(step) = steps.last_mut() else { return Err(format!("line {}: no command", block.line + at)) };
            let printed = step.printed.get_or_insert_default();
            printed.push_str(line);
            printed.push('\n');
            continue;
        };
        let mut command = begins.to_owned();
        while unfinished(&command) {
            let Some((_, next)) = lines.next() else {
                return Err(format!("line {}: bash cannot read this: {command}", block.line + at));
            };
            command.push('\n');
            command.push_str(next);
        }
        if !begins.trim().is_empty() && !begins.trim_start().starts_with('#') {
            steps.push(Step { line: block.line + at, command, printed: None });
        }
    }
    // A blank line stands between two commands. It is not printed.
    for step in &mut steps {
        step.printed = step.printed.take().filter(|printed| !printed.trim().is_empty());
    }
    if steps.is_empty() { Err(format!("line {}: a block without a command", block.line)) } else { Ok(steps) }
}

/// `A=1 make VERB B=2`: the verb, and the variables before it.
fn make(command: &str) -> Option<(&str, Vec<(&str, &str)>)> {
    let command = command.split(" #").next()?;
    let mut words = command.split_whitespace().peekable();
    let mut variables = Vec::new();
    while let Some((name, value)) = words.peek().and_then(|word| word.split_once('=')) {
        variables.push((name, value));
        words.next();
    }
    (words.next()? == "make").then_some(())?;
    Some((words.next()?, variables))
}

/// A bash session.
struct Session {
    bash: Child,
    stdin: ChildStdin,
    lines: Receiver<String>,
    home: PathBuf,
}

const MARK: &str = "--- the command has ended:";

impl Session {
    fn start(clone: &Path, home: PathBuf) -> Session {
        if home.exists() {
            fs::remove_dir_all(&home).expect("it is ours");
        }
        fs::create_dir_all(&home).expect("a folder of our own");
        // At a terminal curl shows no progress of a short answer.
        fs::write(home.join(".curlrc"), "silent\nshow-error\n").expect("a folder of our own");
        let mut command = project::command("bash");
        for (name, _) in std::env::vars_os() {
            let ours = name.to_str().is_some_and(|name| name.starts_with("AWS_") || CONFIGURATION.contains(&name));
            if ours || name == "PORT" || name == "MAKEFLAGS" {
                command.env_remove(name);
            }
        }
        let users_home = PathBuf::from(std::env::var_os("HOME").expect("a home folder"));
        for (name, folder) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
            command.env(name, std::env::var_os(name).unwrap_or_else(|| users_home.join(folder).into()));
        }
        for name in ["http_proxy", "https_proxy", "HTTPS_PROXY"] {
            command.env(name, "http://127.0.0.1:9");
        }
        let programs = project::function("tokenmint").parent().expect("a folder").to_owned();
        let tools = project::root().join(".venv/bin");
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = [tools, programs].into_iter().chain(std::env::split_paths(&path));
        let mut bash = command
            .args(["--noprofile", "--norc"])
            .current_dir(clone)
            .env("HOME", &home)
            .env("PATH", std::env::join_paths(path).expect("no separator in a folder's name"))
            .envs([("no_proxy", "localhost,127.0.0.1,::1"), ("NO_COLOR", "1"), ("TERM", "dumb")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("bash is there");
        let (stdin, stdout) = (bash.stdin.take().expect("piped"), bash.stdout.take().expect("piped"));
        let (sender, lines) = channel();
        thread::spawn(move || {
            let mut stdout = BufReader::new(stdout);
            let mut line = Vec::new();
            while stdout.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
                if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                    return;
                }
                line.clear();
            }
        });
        Session { bash, stdin, lines, home }
    }

    /// What the command prints, and its status.
    fn run(&mut self, command: &str) -> Result<(String, i32), String> {
        let script = format!("{{ {command}\n}} </dev/null 2>&1; printf '\\n%s %d\\n' '{MARK}' $?\n");
        self.stdin.write_all(script.as_bytes()).map_err(|_| "the session has ended".to_owned())?;
        let (mut printed, patience) = (String::new(), Instant::now() + PATIENCE);
        loop {
            match self.lines.recv_timeout(patience.saturating_duration_since(Instant::now())) {
                Ok(line) => match line.strip_prefix(MARK) {
                    Some(status) => return Ok((printed, status.trim().parse().expect("a status"))),
                    None => printed.push_str(&line),
                },
                Err(RecvTimeoutError::Timeout) => return Err(format!("no end after {PATIENCE:?}:\n{printed}")),
                Err(RecvTimeoutError::Disconnected) => return Err(format!("it ended the session:\n{printed}")),
            }
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.bash.kill();
        let _ = self.bash.wait();
    }
}

/// A copy of what git has or would take, in which pages may write.
fn clone() -> PathBuf {
    let clone = Path::new(env!("CARGO_TARGET_TMPDIR")).join("commands/clone");
    if clone.exists() {
        fs::remove_dir_all(&clone).expect("it is ours");
    }
    fs::create_dir_all(&clone).expect("a folder of our own");
    let copy = "git ls-files -z --cached --others --exclude-standard | while IFS= read -rd '' file; do \
                [ ! -e \"$file\" ] || printf '%s\\0' \"$file\"; done | xargs -0 cp --parents -t \"$0\"";
    let status = Command::new("bash").args(["-c", copy]).arg(&clone).current_dir(project::root()).status();
    assert!(status.expect("bash is there").success(), "the copy failed");
    clone
}

/// A page while its commands run.
struct Page<'a> {
    session: Session,
    /// The local run that commands ask now.
    run: Rc<LocalRun>,
    /// The one that all pages without an own one ask.
    common: &'a Rc<LocalRun>,
    /// The port of the page's own words.
    port: String,
}

impl Page<'_> {
    fn step(&mut self, step: &Step) -> Result<(), String> {
        let printed = match make(&step.command) {
            Some(("run", variables)) => Some(self.start(Program::Server, variables)),
            Some(("watch", variables)) => Some(self.start(Program::Watch, variables)),
            Some((verb, _)) if verb != "help" => {
                self.execute(&step.command.replacen("make ", "make --dry-run ", 1), false)?;
                None
            }
            _ => Some(self.execute(&step.command, step.printed.is_some())?),
        };
        let (Some(printed), Some(wanted)) = (printed, &step.printed) else { return Ok(()) };
        shape::fits(wanted, &printed).map_err(|at| format!("{at}\nThe page has:\n{wanted}\nPrinted was:\n{printed}"))
    }

    fn start(&mut self, program: Program, variables: Vec<(&str, &str)>) -> String {
        let home = self.session.home.to_str().expect("UTF-8").to_owned();
        let own = program == Program::Watch || variables.iter().any(|(name, _)| *name != "PORT");
        let mut env = Env::default();
        PORT.clone_into(&mut self.port);
        for (name, value) in variables {
            match name {
                "PORT" => value.clone_into(&mut self.port),
                _ => env = env.and(name, value.replace("~/", &format!("{home}/")).trim_matches(['\'', '"'])),
            }
        }
        self.run = if own { Rc::new(LocalRun::start(program, env)) } else { Rc::clone(self.common) };
        self.run.logs().replace(&self.served(), &format!(":{}", self.port))
    }

    /// `:` and the port where the service really is.
    fn served(&self) -> String {
        let url = self.run.url("");
        url[url.rfind(':').expect("a port")..].to_owned()
    }

    fn execute(&mut self, command: &str, any_status: bool) -> Result<String, String> {
        let (served, said) = (self.served(), format!(":{}", self.port));
        let mut command = command.to_owned();
        for host in ["localhost", "127.0.0.1", "[::1]"] {
            command = command.replace(&format!("{host}{said}"), &format!("{host}{served}"));
        }
        if let Some((before, rest)) = command.split_once("cargo run ")
            && let Some((options, rest)) = rest.split_once(" -- ")
            && options.ends_with("-p tokenmint")
        {
            command = format!("{before}tokenmint {rest}");
        }
        let invoke = "cargo lambda invoke ";
        command = command.replace(invoke, &format!("{invoke}--invoke-port {} ", &served[1..]));
        let (printed, status) = self.session.run(&command)?;
        if status != 0 && !any_status {
            return Err(format!("it ended with status {status}:\n{printed}"));
        }
        Ok(printed.replace(&served, &said))
    }
}

fn pages() -> BTreeMap<String, String> {
    let mut pages = vec!["README.md".to_owned()];
    for folder in ["docs/tutorials", "docs/how-to"] {
        let Ok(files) = fs::read_dir(project::root().join(folder)) else { continue };
        let names = files.map(|file| file.expect("readable").file_name().into_string().expect("UTF-8"));
        pages.extend(names.filter(|name| name.ends_with(".md")).map(|name| format!("{folder}/{name}")));
    }
    pages.into_iter().map(|page| (page.clone(), super::read(&page))).collect()
}

#[test]
#[allow(clippy::print_stdout, reason = "the counts are for a person")]
fn every_command_of_the_pages_runs_and_prints_what_they_show() {
    let clone = clone();
    let common = Rc::new(LocalRun::start(Program::Server, []));
    let (mut wrong, mut ran, mut skipped) = (String::new(), 0, Vec::new());
    for (name, text) in pages() {
        let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("commands/home");
        let run = Rc::clone(&common);
        let mut page = Page { session: Session::start(&clone, home), run, common: &common, port: PORT.to_owned() };
        for block in blocks(&text).unwrap_or_else(|error| panic!("{name}: {error}")) {
            if let Some(reason) = block.not_run {
                skipped.push(format!("{name}:{}: {reason}", block.line));
                continue;
            }
            for step in steps(&block).unwrap_or_else(|error| panic!("{name}: {error}")) {
                ran += 1;
                if let Err(error) = page.step(&step) {
                    write!(wrong, "\n{name}:{}: $ {}\n{error}\n", step.line, step.command).expect("a text takes all");
                }
            }
        }
    }
    println!("{ran} commands ran. Blocks not run: {}\n  {}", skipped.len(), skipped.join("\n  "));
    assert!(wrong.is_empty(), "{wrong}");
    assert!(ran > 5, "{ran} commands: this test found nothing to check");
}

#[test]
fn a_page_with_a_mistake_in_its_blocks_is_refused() {
    let reasons = blocks("<!-- not run: needs AWS -->\n```sh\naws\n```\n").expect("good");
    assert_eq!(reasons[0].not_run.as_deref(), Some("needs AWS"));
    for bad in [
        "<!-- not run -->\n```sh\naws\n```\n",
        "<!-- not run: -->\n```sh\naws\n```\n",
        "<!-- not run: needs AWS -->\nWords.\n```sh\naws\n```\n",
        "<!-- not run: needs AWS -->\n```ts\nlet a\n```\n",
        "<!-- not run: needs AWS -->\n",
        "Words:\n\n    aws\n",
    ] {
        assert!(blocks(bad).is_err(), "{bad}");
    }
    let of = |page: &str| blocks(page).expect("good").iter().map(steps).collect::<Result<Vec<_>, _>>();
    for bad in ["```console\ncurl\n```\n", "```sh\necho 'a\n```\n", "```sh\n```\n"] {
        assert!(of(bad).is_err(), "{bad}");
    }
    let step = |line, command: &str, printed: Option<&str>| Step {
        line,
        command: command.to_owned(),
        printed: printed.map(str::to_owned),
    };
    let good = "1. a\n\n    more of a\n   ```console\n   $ cat <<END\n   b\n   END\n   b\n\n   $ echo 'c\n   d' \\\n     e\n   \
                ```\n```sh\n# f\ng=1\n```\n";
    let (cat, echo) = ("cat <<END\nb\nEND", "echo 'c\nd' \\\n  e");
    let wanted = vec![vec![step(5, cat, Some("b\n\n")), step(10, echo, None)], vec![step(16, "g=1", None)]];
    assert_eq!(of(good), Ok(wanted));
    assert_eq!(make("A=1 B='2' make run # now"), Some(("run", vec![("A", "1"), ("B", "'2'")])));
    assert_eq!(make("cmake run"), None);
}
