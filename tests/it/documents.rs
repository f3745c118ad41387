//! The pages of the book that a program writes, or that repeat what code and template say.

use crate::functions;
use crate::template::Stack;
use crate::template::settings::SETTINGS;
use harness::project;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

mod commands;
mod shape;

fn read(file: impl AsRef<Path>) -> String {
    let path = project::root().join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_page_of_the_routes_is_made_from_the_contract() {
    let written = project::command(project::tool("python")).arg("tools/book/routes.py").output().expect("it was found");
    assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
    let written = String::from_utf8(written.stdout).expect("UTF-8");
    assert!(written.contains("## `GET /rtc/{channel}/token`\n"), "{written}");
    let page = read("docs/reference/routes.md");
    let differs = page.lines().zip(written.lines()).find(|(page, written)| page != written);
    assert!(page == written, "docs/reference/routes.md is old: run `make docs`. The first other line: {differs:?}");
}

#[test]
fn the_tables_of_past_one_account_are_what_the_program_works_out() {
    let checked = project::command(project::tool("python"))
        .args(["tools/book/accounts.py", "--check"])
        .output()
        .expect("it was found");
    // If a number that the tables need has changed, the program says which line is old, and to run `make docs`.
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}

/// A row of the tables in `docs/reference/settings.md`. Their columns are:
///
/// * `variable`: the environment variable, in backticks, or nothing;
/// * `parameter`: the parameter of `template.yaml`, in backticks, or nothing;
/// * `meaning`;
/// * `default`: a text in backticks, `none`, or `required`. If the stack has another default, or the local run, then
///   `; stack: …` or `; local run: …` follows.
///
/// Each variable and each parameter has one row. A parameter that becomes a variable is in the variable's row.
#[derive(Debug)]
struct Setting {
    variable: Option<String>,
    parameter: Option<String>,
    default: String,
    in_stack: Option<String>,
    in_local_run: Option<String>,
}

/// The word for a setting without a default.
const NONE: &str = "none";
const REQUIRED: &str = "required";

fn settings() -> Vec<Setting> {
    let page = read("docs/reference/settings.md");
    let mut settings = Vec::new();
    for table in page.split("| variable | parameter | meaning | default |\n|---|---|---|---|\n").skip(1) {
        for row in table.lines().take_while(|line| line.starts_with('|')) {
            let cells: Vec<_> = row.trim_matches('|').split(" | ").map(str::trim).collect();
            // An empty cell has one space, which ends the cell before it, too.
            let cells: Vec<_> = cells.iter().flat_map(|cell| cell.split('|')).map(str::trim).collect();
            let [variable, parameter, meaning, default] = cells.as_slice() else { panic!("not four cells: {row}") };
            assert!(!meaning.is_empty(), "{row}");
            let name = |cell: &str| (!cell.is_empty()).then(|| in_backticks(cell).unwrap_or_else(|| panic!("{row}")));
            let value = |text: &str| match text {
                NONE | REQUIRED => text.to_owned(),
                _ => in_backticks(text).unwrap_or_else(|| panic!("a default must be a word or in backticks: {row}")),
            };
            let (default, others) =
                default.split_once("; ").map_or((*default, ""), |(default, others)| (default, others));
            let mut setting = Setting {
                variable: name(variable),
                parameter: name(parameter),
                default: value(default),
                in_stack: None,
                in_local_run: None,
            };
            for other in others.split("; ").filter(|other| !other.is_empty()) {
                match other.split_once(": ") {
                    Some(("stack", text)) => setting.in_stack = Some(value(text)),
                    Some(("local run", text)) => setting.in_local_run = Some(value(text)),
                    _ => panic!("whose default is {other}? {row}"),
                }
            }
            settings.push(setting);
        }
    }
    settings
}

fn in_backticks(text: &str) -> Option<String> {
    let inner = text.strip_prefix('`')?.strip_suffix('`')?;
    (!inner.is_empty() && !inner.contains('`')).then(|| inner.to_owned())
}

/// The names in one column, each of which must stand there once.
fn once<'a>(names: impl Iterator<Item = &'a String>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for name in names {
        assert!(found.insert(name.clone()), "{name} has two rows");
    }
    found
}

/// The code that reads variables, without its unit tests.
fn code() -> String {
    let mut files = vec![project::root().join("tools/harness/src/bin/watch.rs")];
    let mut folders: Vec<PathBuf> =
        ["shared/service/src", "functions", "tools/tokenmint/src/serve"].map(|it| project::root().join(it)).into();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files.iter().map(|file| read(file).split("#[cfg(test)]").next().unwrap_or_default().to_owned()).collect()
}

/// The names of variables in the code: each text in capitals that has a `_` or that is asked for as a variable. Those
/// that AWS or cargo defines are no settings of ours.
fn variables_in_code() -> BTreeSet<String> {
    let code = code();
    let texts: Vec<_> = code.split('"').collect();
    let asks = ["var(", "var_os(", "get("];
    let capitals = |text: &str| {
        text.starts_with(|first: char| first.is_ascii_uppercase())
            && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
    };
    let of_rust = texts.windows(2).filter(|pair| {
        let [before, text] = pair else { return false };
        capitals(text) && (text.contains('_') || asks.iter().any(|ask| before.ends_with(ask)))
    });
    let demo = read("clients/web/vite.config.ts");
    let of_demo = demo.split("process.env['").skip(1).filter_map(|rest| rest.split('\'').next());
    // The demo's backend reads variables of its own. Those that a user sets begin with DEMO_.
    let backend = read("tools/demo-agents/backend.mjs");
    let of_backend = backend.split("env('").skip(1).filter_map(|rest| rest.split('\'').next());
    let of_backend = of_backend.filter(|name| name.starts_with("DEMO_"));
    let names = of_rust.map(|pair| pair[1]).chain(of_demo).chain(of_backend).map(str::to_owned);
    names.filter(|name| !["AWS_", "CARGO_"].iter().any(|theirs| name.starts_with(theirs))).collect()
}

#[test]
fn the_page_of_the_settings_has_each_variable_and_each_parameter_once() {
    let settings = settings();
    let variables = once(settings.iter().filter_map(|setting| setting.variable.as_ref()));
    let read = variables_in_code();
    assert!(read.len() > 18 && read.contains("IDENTITY") && read.contains("DEMO_PORT"), "{read:?}");
    assert_eq!(variables, read);

    let parameters = once(settings.iter().filter_map(|setting| setting.parameter.as_ref()));
    let stack = Stack::plain();
    assert_eq!(parameters, stack.parameters().keys().cloned().collect());

    let together = settings.iter().filter_map(|it| Some((it.parameter.as_deref()?, it.variable.as_deref()?)));
    // Not every function has these.
    let of_some = [
        ("AgoraSecretArn", "AGORA_SECRET_ID"),
        ("ZegoSecretArn", "ZEGO_SECRET_ID"),
        ("UikitJwtAudience", "UIKIT_JWT_AUDIENCE"),
        ("TeacherScope", "TEACHER_SCOPE"),
    ];
    let pairs = SETTINGS.into_iter().map(|(parameter, variable, _)| (parameter, variable)).chain(of_some);
    assert_eq!(together.collect::<BTreeSet<_>>(), pairs.collect());
}

/// For those who put a load balancer or CloudFront before the functions.
#[test]
fn the_page_of_other_fronts_says_which_function_has_which_path() {
    let page = read("docs/how-to/other-fronts.md");
    let tables: Vec<_> = page.split("| paths | function |\n|---|---|\n").skip(1).collect();
    assert_eq!(tables.len(), 2, "the stack's own routes, and the drop-in routes");
    let mut rules = Vec::new();
    for row in tables.iter().flat_map(|table| table.lines().take_while(|line| line.starts_with('|'))) {
        let (paths, function) = row.trim_matches(['|', ' ']).split_once(" | ").expect("two cells");
        let plain = |cell: &str| cell.trim_matches('`').to_owned();
        rules.extend(paths.split(", ").map(|path| (plain(path), plain(function))));
    }
    let mut used = BTreeSet::new();
    let stack = Stack::with_every_function();
    let deployed = stack.functions();
    for (route, (_, function)) in functions::routes_in_template() {
        // `{end+}` stands for a slash at the end.
        let path = route.split_once(' ').expect("a method and a path").1.trim_end_matches("{end+}");
        let fits = |pattern: &str| match pattern.split_once('*') {
            None => path == pattern,
            Some((start, end)) => path.starts_with(start) && path.ends_with(end),
        };
        // The first row that fits counts, as in a load balancer.
        let fitting = rules.iter().find(|(pattern, _)| fits(pattern));
        let (pattern, named) = fitting.unwrap_or_else(|| panic!("{route} has no row"));
        assert_eq!(deployed.get(named.as_str()), Some(&function), "{route}");
        used.insert(pattern);
    }
    assert_eq!(used.len(), rules.len(), "a path that no function has");
}

/// The default that the code has for a variable.
fn default_in_code(code: &str, name: &str) -> String {
    // How the code asks for a setting, and where the default stands then.
    let asked: Vec<_> = ["get", "ttl", "seconds", "within", "up_to", "allowed"]
        .iter()
        .filter_map(|ask| code.split_once(&format!("{ask}(\"{name}\"")).map(|(_, rest)| rest))
        .collect();
    let [rest] = asked.as_slice() else { panic!("{name} is asked for in {} ways", asked.len()) };
    let text = |rest: &str| rest.split('"').next().expect("a text").to_owned();
    if let Some(rest) = rest.strip_prefix(").unwrap_or(\"") {
        text(rest)
    } else if let Some(rest) = rest.strip_prefix(", \"") {
        text(rest)
    } else if let Some(rest) = rest.strip_prefix(", ") {
        rest.chars().take_while(|it| it.is_ascii_digit() || *it == '_').filter(char::is_ascii_digit).collect()
    } else {
        assert!(rest.starts_with(").map(") || rest.starts_with("), get(secret_id)"), "{name}: {}", &rest[..40]);
        NONE.to_owned()
    }
}

#[test]
fn the_page_of_the_settings_has_the_defaults_of_code_and_template() {
    let (code, stack) = (code(), Stack::plain());
    let (watch, local) = (read("tools/harness/src/bin/watch.rs"), read("tools/local-run.sh"));
    let demo = read("clients/web/vite.config.ts");
    let backend = read("tools/demo-agents/backend.mjs");
    let flag = |name: &str| {
        code.contains("self.get(name).unwrap_or(\"false\")") && code.contains(&format!("flag(\"{name}\")"))
    };
    // What is asked for in another way, and the code that shows the default.
    let special: BTreeMap<_, _> = [
        ("AGORA_SECRET_ID", (REQUIRED, code.contains("(None, None) => return Err(error(secret_id,"))),
        ("ZEGO_SECRET_ID", (REQUIRED, code.contains("(None, None) => return Err(error(secret_id,"))),
        ("AUTH", (NONE, code.contains("match get(\"AUTH\") {"))),
        ("JWT_ISSUER", (NONE, code.contains("get(\"JWT_ISSUER\").ok_or_else("))),
        ("JWT_AUDIENCE", (NONE, code.contains("get(\"JWT_AUDIENCE\").unwrap_or_default()"))),
        ("JWT_SCOPE", (NONE, code.contains("scope: variables.scope(\"JWT_SCOPE\")?"))),
        ("BACKEND_AUDIENCE", (NONE, code.contains("(get(\"BACKEND_AUDIENCE\"), variables.scope(\"BACKEND_SCOPE\")?)"))),
        ("BACKEND_SCOPE", (NONE, code.contains("(get(\"BACKEND_AUDIENCE\"), variables.scope(\"BACKEND_SCOPE\")?)"))),
        ("JWT_KEYS_URL", (NONE, code.contains("match get(\"JWT_KEYS_URL\") {"))),
        ("REFUSED_CLAIMS", (NONE, code.contains("get(\"REFUSED_CLAIMS\").map_or(Ok(Vec::new()),"))),
        ("SCOPE_CLAIM", (NONE, code.contains("scope_claim: get(\"SCOPE_CLAIM\").map("))),
        ("PUBLISH_SCOPE", (NONE, code.contains("publish_scope: variables.scope(\"PUBLISH_SCOPE\")?"))),
        ("TEACHER_SCOPE", (NONE, code.contains("teacher_scope: variables.scope(\"TEACHER_SCOPE\")?"))),
        ("RTM_006", ("allowed", code.contains("rtm_006: variables.allowed(\"RTM_006\", \"allowed\")?"))),
        (
            "MAX_SECONDS_BEYOND_JWT",
            (NONE, code.contains("match get(\"MAX_SECONDS_BEYOND_JWT\") {\n            None => None,")),
        ),
        ("LISTEN", ("127.0.0.1:9000", code.contains("get(\"LISTEN\")).unwrap_or(\"127.0.0.1:9000\")"))),
        ("ADMIN_LISTEN", (NONE, code.contains("get(variables, \"ADMIN_LISTEN\").map(str::parse).transpose()"))),
        ("ALLOWED_ORIGINS", (NONE, code.contains("get(\"ALLOWED_ORIGINS\").into_iter()"))),
        ("TRUSTED_PROXIES", (NONE, code.contains("get(\"TRUSTED_PROXIES\").unwrap_or_default()"))),
        ("TLS_CERT_FILE", (NONE, code.contains("(get(\"TLS_CERT_FILE\"), get(\"TLS_KEY_FILE\"))"))),
        ("TLS_KEY_FILE", (NONE, code.contains("(get(\"TLS_CERT_FILE\"), get(\"TLS_KEY_FILE\"))"))),
        ("FUNCTIONS", (REQUIRED, code.contains("FUNCTIONS must be names or ARNs of functions"))),
        ("SSL_CERT_FILE", (NONE, code.contains("{ Authorities::Named } else { Authorities::Amazons }"))),
        ("DROP_IN", ("false", flag("DROP_IN"))),
        ("UIKIT_JWT_IN_QUERY", ("false", flag("UIKIT_JWT_IN_QUERY"))),
        ("UIKIT_JWT_AUDIENCE", (NONE, code.contains("(false, None) => return Ok(None),"))),
        ("SSL_CERT_DIR", (NONE, code.contains("{ Authorities::Named } else { Authorities::Amazons }"))),
        (
            "PORT",
            (
                "9000",
                watch.contains("Err(_) => 9000,")
                    && local.contains("${PORT:-9000}")
                    && demo.contains("process.env['PORT'] ?? '9000'"),
            ),
        ),
        ("DEMO_PORT", ("5173", demo.contains("process.env['DEMO_PORT'] ?? '5173'"))),
        ("DEMO_CLIENT_ID", (NONE, demo.contains("process.env['DEMO_CLIENT_ID'] ?? ''"))),
        ("DEMO_SCOPE", ("openid", demo.contains("process.env['DEMO_SCOPE'] ?? 'openid'"))),
        ("DEMO_BACKEND_CLIENT_ID", (NONE, backend.contains("env('DEMO_BACKEND_CLIENT_ID')"))),
        ("DEMO_BACKEND_CLIENT_SECRET", (NONE, backend.contains("env('DEMO_BACKEND_CLIENT_SECRET')"))),
        ("AGENTS", ("http://127.0.0.1:5175", demo.contains("process.env['AGENTS'] ?? 'http://127.0.0.1:5175'"))),
        ("SERVICE", (NONE, demo.contains("process.env['SERVICE'] ?? `http://127.0.0.1:${process.env['PORT']"))),
    ]
    .into();
    // Another default in a local run.
    let locally: BTreeMap<_, _> = [
        ("IDENTITY", ("none", local.contains("IDENTITY=${IDENTITY:-none} "))),
        ("DROP_IN", ("true", local.contains("DROP_IN=${DROP_IN:-true} "))),
        (
            "LOCAL_CREDENTIALS",
            ("tests/demo-credentials.json", local.contains("${LOCAL_CREDENTIALS:-$root/tests/demo-credentials.json}")),
        ),
    ]
    .into();
    for setting in settings() {
        if let Some(variable) = setting.variable.as_deref() {
            let default = match special.get(variable) {
                Some((default, shown)) => {
                    assert!(shown, "{variable}: the code no longer has this default");
                    (*default).to_owned()
                }
                None => default_in_code(&code, variable),
            };
            assert_eq!(setting.default, default, "{variable}");
            let in_local_run = locally.get(variable).map(|(default, shown)| {
                assert!(shown, "{variable}: the local run no longer has this default");
                (*default).to_owned()
            });
            assert_eq!(setting.in_local_run, in_local_run, "{variable}");
        }
        let Some(parameter) = setting.parameter.as_deref() else {
            assert_eq!(setting.in_stack, None, "{setting:?}");
            continue;
        };
        // These two are given, because a stack needs one of them.
        let given = ["AgoraSecretArn", "ZegoSecretArn"].contains(&parameter);
        let default = match &stack.parameters()[parameter] {
            _ if given => NONE.to_owned(),
            serde_json::Value::String(text) if text.is_empty() => NONE.to_owned(),
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let stands = setting.in_stack.as_ref().unwrap_or(&setting.default);
        assert_eq!(*stands, default, "{parameter}");
        assert_ne!(setting.in_stack.as_ref(), Some(&setting.default), "{parameter}: said twice");
    }
}
