//! The repository agrees with itself: code, template, watch router and events name the same functions and routes.

mod papers;
mod version;

use crate::functions;
use crate::template::Stack;
use harness::project;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The JSON that a command prints.
pub(crate) fn output(command: &mut Command) -> Value {
    let output = command.current_dir(project::root()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("it speaks JSON")
}

/// What cargo knows about the workspace.
fn metadata() -> Value {
    let cargo = std::env::var_os("CARGO").expect("tests are run by cargo");
    output(Command::new(cargo).args(["metadata", "--no-deps", "--format-version", "1"]))
}

/// The routes of the local run, as it spells them.
fn routes_in_watch_router() -> BTreeMap<String, String> {
    let metadata = metadata();
    let router = metadata["metadata"]["lambda"]["watch"]["router"].as_object().expect("a router").clone();
    let entries = router.into_iter().flat_map(|(path, entries)| {
        let entries = entries.as_array().expect("a list").clone();
        entries.into_iter().map(move |entry| (path.clone(), entry))
    });
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    entries.map(|(path, entry)| (format!("{} {path}", text(&entry["method"])), text(&entry["function"]))).collect()
}

/// How the watch router spells a route. It has no greedy variables. So it has two routes for one with such a variable:
/// without and with a slash at the end. `{end+}` stands for that slash alone.
fn in_watch_router(route: &str) -> Vec<String> {
    let Some(all_that_follows) = route.strip_suffix("+}") else { return vec![route.to_owned()] };
    if let Some(word) = all_that_follows.strip_suffix("{end") {
        return vec![word.to_owned()];
    }
    let mut routes = vec![format!("{all_that_follows}}}")];
    // Here a second id may follow.
    if route.starts_with("GET /rte/") {
        routes.push(format!("{}/{{rtm_user_id}}", routes[0]));
    }
    routes.iter().flat_map(|route| [route.clone(), format!("{route}/")]).collect()
}

#[test]
fn code_template_and_watch_router_have_the_same_routes() {
    let code = functions::routes_in_template().into_iter().map(|(route, (_, function))| (route, function));
    let code: BTreeMap<_, _> = code.collect();
    assert!(!code.is_empty());
    let spelled = code
        .iter()
        .flat_map(|(route, function)| in_watch_router(route).into_iter().map(move |it| (it, function.clone())));
    assert_eq!(routes_in_watch_router(), spelled.collect());
    let deployed = Stack::with_every_route().routes().into_iter();
    assert_eq!(deployed.map(|(route, to)| (route, to.function)).collect::<BTreeMap<_, _>>(), code);
}

/// API Gateway tells routes apart by their literal parts. At the same place in a path, variables have the same name. A
/// greedy variable is the last part.
#[test]
fn no_two_routes_name_the_same_place_differently() {
    let mut names: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for route in Stack::with_every_route().routes().into_keys() {
        assert!(!route.ends_with('/') && !route.trim_end_matches("+}").contains('+'), "{route}");
        let mut before = String::new();
        for part in route.split('/') {
            if let Some(name) = part.strip_prefix('{') {
                let name = name.trim_end_matches(['}', '+']);
                names.entry(before.clone()).or_default().insert(name.to_owned());
                before += "/{}";
            } else {
                before = format!("{before}/{part}");
            }
        }
    }
    assert!(names.len() > 10 && names.values().all(|names| names.len() == 1), "{names:?}");
}

#[test]
fn every_function_has_its_program_its_events_and_its_resource() {
    let functions = functions::names();
    let metadata = metadata();
    let packages = metadata["packages"].as_array().expect("packages").iter();
    let packages = packages.filter(|package| package["name"] == "functions" || package["name"] == functions::PREWARM);
    let targets = packages.flat_map(|package| package["targets"].as_array().expect("targets"));
    let programs = targets.filter(|target| target["kind"][0] == "bin");
    let programs: BTreeSet<_> = programs.map(|it| it["name"].as_str().expect("a name").to_owned()).collect();
    assert_eq!(programs, functions);
    assert_eq!(functions::folders("events"), functions);
    assert_eq!(Stack::with_every_function().functions().into_values().collect::<BTreeSet<_>>(), functions);
}

/// `docs/contributing.md` lists the files that a new kind of token needs. Each function must occur in each of these
/// files, and in no other file of the server.
#[test]
fn a_function_stands_in_the_files_that_contributors_are_told_and_in_no_other() {
    let document = fs::read_to_string(project::root().join("docs/contributing.md")).expect("it is there");
    let section = document.split("## A new kind of token").nth(1).expect("the section");
    let section = section.split("\n## ").next().expect("the section's end");
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let rows: Vec<_> = rows.collect();
    assert!(rows.len() > 8, "{rows:?}: this test found nothing to check");
    let git = |args: &[&str]| {
        let output = Command::new("git").args(args).current_dir(project::root()).output().expect("git is there");
        String::from_utf8(output.stdout).expect("UTF-8").lines().map(str::to_owned).collect::<Vec<_>>()
    };
    for name in functions::minting() {
        let module = name.trim_end_matches("-token").replace('-', "_");
        let told = rows.iter().map(|row| row.replace("<function>", &name).replace("<module>", &module));
        let told: Vec<_> = told.collect();
        for path in &told {
            assert!(project::root().join(path).exists(), "docs/contributing.md tells of {path}, which is not there");
        }
        let resource: String = name.split('-').map(|word| word[..1].to_uppercase() + &word[1..]).collect();
        // Tests and documents may use any function as an example.
        let server =
            ["functions", "shared", "Cargo.toml", "template.yaml", "openapi.yaml", "samconfig.toml", "Makefile"];
        // "Drop-in routes" are routes of several functions.
        let pattern = format!("{name}(?! route)|{resource}");
        let mut found = git(&[&["grep", "-lP", &pattern, "--"][..], &server].concat());
        found.extend(git(&["grep", "-lF", &format!("\"{name}\""), "--", "fuzz/src"]));
        assert!(!found.is_empty(), "{name}: this test found nothing to check");
        for path in found {
            let known = told.iter().any(|told| path == *told || path.starts_with(told.as_str()));
            assert!(known, "{path} speaks of {name}, and docs/contributing.md does not list it");
        }
    }
}

/// A second list of functions would be forgotten when one is added.
#[test]
fn all_is_the_only_list_of_functions_in_rust_code() {
    let lists = |code: &str| functions::minting().iter().all(|name| code.contains(&format!("\"{name}\"")));
    let found: Vec<_> = all_sources()
        .into_iter()
        .filter(|file| lists(&fs::read_to_string(file).expect("a source file")))
        .map(|file| file.strip_prefix(project::root()).expect("within the project").display().to_string())
        .collect();
    // The fuzz judge and the matrix decide for each function who may have what. Both fail for a function that they do
    // not know.
    let allowed = ["functions/src/lib.rs", "tests/it/matrix.rs", "fuzz/src/function.rs"];
    assert_eq!(found.iter().map(String::as_str).collect::<BTreeSet<_>>(), BTreeSet::from(allowed));
}

/// The events (`function/name`), tests, and files that the documents cite exist. A `*` or an ellipsis stands for any
/// ending.
#[test]
fn the_documents_cite_what_exists() {
    let sources = all_sources().into_iter().map(|file| fs::read_to_string(file).expect("a source file"));
    let sources: String = sources.collect();
    let (mut events, mut tests, mut files) = (0, 0, 0);
    let documents = [
        "README.md",
        "SECURITY.md",
        "docs/explanation/hardening.md",
        "docs/explanation/proof.md",
        "docs/reference/access.md",
        "docs/reference/security-standards.md",
    ];
    for document in documents {
        let text = fs::read_to_string(project::root().join(document)).expect("a document");
        for cited in text.split('`').skip(1).step_by(2) {
            let beginning = cited.split(['*', '…']).next().unwrap_or_default();
            let whole = beginning == cited;
            if let Some((function, name)) = beginning.split_once('/').filter(|(of, _)| functions::names().contains(*of))
            {
                let folder = fs::read_dir(project::root().join("events").join(function)).expect("a folder");
                let mut names = folder.map(|file| file.expect("readable").file_name().into_string().expect("UTF-8"));
                let found =
                    names.any(|file| if whole { file == format!("{name}.json") } else { file.starts_with(name) });
                assert!(found, "{document} cites {cited}");
                events += 1;
            } else if beginning.matches('_').count() >= 2
                && beginning.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
            {
                let function = if whole { format!("fn {beginning}(") } else { format!("fn {beginning}") };
                let known = sources.contains(&function) || document == "README.md";
                assert!(known, "{document} cites {cited}");
                tests += 1;
            } else if whole
                && ["clients/", "fuzz/", "shared/", "tests/", "tools/"].iter().any(|it| cited.starts_with(it))
            {
                assert!(project::root().join(cited).exists(), "{document} cites {cited}");
                files += 1;
            }
        }
    }
    let enough = events > 20 && tests > 100 && files > 10;
    assert!(enough, "{events} events, {tests} tests, {files} files: this test found nothing to check");
}

/// The SHA-256 of the five roots that https://www.amazontrust.com/repository recommends for trust stores.
#[test]
fn the_trusted_roots_are_amazons() {
    let roots = project::root().join("shared/service/src/aws/roots.pem");
    let script = "import hashlib, json, re, ssl, sys\n\
        pems = re.findall('-----BEGIN.*?-----END CERTIFICATE-----', open(sys.argv[1]).read(), re.S)\n\
        print(json.dumps([hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest() for pem in pems]))";
    let fingerprints = output(project::command("python3").arg("-c").arg(script).arg(roots));
    let known = [
        "8ecde6884f3d87b1125ba31ac3fcb13d7016de7f57cc904fe1cb97c6ae98196e",
        "1ba5b2aa8c65401a82960118f80bec4f62304d83cec4713a19c39c011ea46db4",
        "18ce6cfe7bf14e60b2e347b8dfe868cb31d02ebb3ada271569f50343b46db3a4",
        "e35d28419ed02025cfa69038cd623962458da5c695fbdea3c22b0bfb25897092",
        "568d6905a2c88708a4b3025190edcfedb1974a606a13c6e5290fcb2ae63edab5",
    ];
    assert_eq!(fingerprints, serde_json::json!(known));
}

/// `.cargo/config.toml` has its effect: AWS-LC is built in, but not its jitter entropy, which takes 30 ms at each
/// start.
#[test]
fn no_start_waits_for_the_processors_jitter() {
    without_jitter_entropy(&project::function("rtm-token"));
}

/// The same for arm64. The artifacts have no symbols, so this looks into the library that they were linked with.
#[test]
#[ignore = "needs the artifacts of `make build`: `make test-arm64` has them"]
fn no_start_on_arm64_waits_for_the_processors_jitter() {
    let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    let builds = project::root().join(target).join("aarch64-unknown-linux-gnu/release/build");
    let outputs =
        fs::read_dir(builds).expect("run `make build`").map(|entry| entry.expect("readable").path().join("out"));
    let files =
        outputs.filter_map(|folder| fs::read_dir(folder).ok()).flatten().map(|file| file.expect("readable").path());
    let is_aws_lc = |file: &PathBuf| {
        let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.starts_with("libaws_lc_") && name.ends_with("_crypto.a")
    };
    let libraries: Vec<PathBuf> = files.filter(is_aws_lc).collect();
    assert!(!libraries.is_empty(), "this test found no AWS-LC");
    libraries.iter().for_each(|library| without_jitter_entropy(library));
}

fn without_jitter_entropy(file: &Path) {
    let bytes = fs::read(file).expect("just built");
    let has = |name: &[u8]| bytes.windows(name.len()).any(|window| window == name);
    assert!(has(b"aws_lc_") && has(b"vm_ube_fallback_get_seed"), "{}: this test found no symbols", file.display());
    assert!(!has(b"jent_entropy_collector"), "{}: AWS-LC was built with its jitter entropy", file.display());
}

/// The fuzz targets use the versions that are deployed: each crate that both lock files have is of the same version.
#[test]
fn the_fuzz_targets_take_the_versions_that_are_deployed() {
    let locked = |folder: &str| {
        let file = project::root().join(folder).join("Cargo.lock");
        let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let mut versions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for package in text.split("[[package]]").skip(1) {
            let field = |name: &str| {
                let line = package.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = "));
                line.expect("every package has it").trim_matches('"').to_owned()
            };
            versions.entry(field("name")).or_default().insert(field("version"));
        }
        versions
    };
    let (deployed, fuzzed) = (locked("."), locked("fuzz"));
    let mut compared = 0;
    for (name, versions) in fuzzed {
        let Some(ours) = deployed.get(&name) else { continue };
        assert!(versions.is_subset(ours), "{name}: fuzz/Cargo.lock has {versions:?}, Cargo.lock {ours:?}");
        compared += 1;
    }
    assert!(compared > 100, "{compared} crates: this test found nothing to check");
}

#[test]
fn every_relaxed_lint_has_its_reason() {
    let mut found = 0;
    for file in all_sources() {
        let code = fs::read_to_string(&file).expect("a source file");
        for relaxed in ["#[allow(", "#![allow(", "#[expect(", "#![expect("] {
            for attribute in code.split(relaxed).skip(1) {
                // This file only searches for them.
                if file.ends_with("it/repository.rs") {
                    continue;
                }
                let attribute = attribute.split_once(")]").expect("it ends").0;
                assert!(attribute.contains("reason = "), "{}: {relaxed}{attribute}", file.display());
                found += 1;
            }
        }
    }
    assert!(found > 0, "this test found nothing to check");
}

/// Without a hash, a replaced package would run on developers' machines. The lists name no registry, because each
/// machine has its own.
#[test]
fn pythons_packages_are_taken_by_their_hashes() {
    let read =
        |file: &str| fs::read_to_string(project::root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    let lists = [
        "requirements.txt",
        "tools/book/requirements.txt",
        "benches/requirements.txt",
        "benches/cold/python/requirements.txt",
        "tests/release/requirements.txt",
    ];
    for file in lists {
        let text = read(file).replace("\\\n", " ");
        let mut packages = 0;
        for package in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let mut words = package.split_whitespace();
            let pinned = words.next().is_some_and(|name| name.contains("=="));
            let hashes: Vec<_> = words.collect();
            let is_hash = |word: &&str| word.strip_prefix("--hash=sha256:").is_some_and(|hash| hash.len() == 64);
            assert!(pinned && !hashes.is_empty() && hashes.iter().all(is_hash), "{file}: {package}");
            packages += 1;
        }
        assert!(packages > 0, "{file}: this test found nothing to check");
        assert!(!text.contains("://"), "{file} names a registry");
    }
    // The Makefile installs all Python packages from such lists.
    let makefile = read("Makefile");
    let installs: Vec<_> = makefile.lines().filter(|line| line.contains("pip install")).collect();
    assert_eq!(installs.len(), 2, "{installs:?}");
    assert!(installs.iter().all(|line| line.contains("pip install $(BY_HASH) --requirement ")), "{installs:?}");
    let by_hash = makefile.lines().find_map(|line| line.strip_prefix("BY_HASH := ")).expect("said once");
    assert!(by_hash.split(' ').any(|option| option == "--require-hashes"), "{by_hash}");
}

fn all_sources() -> Vec<PathBuf> {
    ["shared", "functions", "tools", "tests", "benches", "fuzz/src", "fuzz/fuzz_targets"]
        .iter()
        .flat_map(|folder| sources(&project::root().join(folder)))
        .collect()
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("readable").path());
    let mut found = Vec::new();
    for path in entries {
        if path.is_dir() && !path.ends_with("node_modules") && !path.ends_with("target") {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}
