//! The repository agrees with itself: code, template, watch router and events name the same functions and routes, and
//! what would be deployed opens no more than it should.

use crate::functions::{self, Routes};
use harness::project;
use harness::secrets::Vendor;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn output(command: &mut Command) -> Value {
    let output = command.current_dir(project::root()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("it speaks JSON")
}

/// The routes of the local run.
fn routes_in_watch_router() -> Routes {
    let cargo = std::env::var_os("CARGO").expect("tests are run by cargo");
    let metadata = output(Command::new(cargo).args(["metadata", "--no-deps", "--format-version", "1"]));
    let router = metadata["metadata"]["lambda"]["watch"]["router"].as_object().expect("a router").clone();
    let entries = router.into_iter().flat_map(|(path, entries)| {
        let entries = entries.as_array().expect("a list").clone();
        entries.into_iter().map(move |entry| (path.clone(), entry))
    });
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    entries.map(|(path, entry)| (format!("{} {path}", text(&entry["method"])), text(&entry["function"]))).collect()
}

/// The CloudFormation that would be deployed.
struct Deployed(Value);

impl Deployed {
    fn translate() -> Deployed {
        let mut python = Command::new(project::tool("python"));
        // The translator wants a region to be in.
        Deployed(output(python.arg("tests/judges/template.py").env("AWS_DEFAULT_REGION", "eu-central-1")))
    }

    fn resources(&self, kind: &str) -> Vec<(&String, &Value)> {
        let resources = self.0["Resources"].as_object().expect("resources").iter();
        resources.filter(|(_, resource)| resource["Type"] == kind).map(|(name, it)| (name, &it["Properties"])).collect()
    }

    /// A function's binary by its logical id.
    fn binaries(&self) -> BTreeMap<&str, &str> {
        let functions = self.resources("AWS::Lambda::Function").into_iter();
        functions.map(|(name, function)| (name.as_str(), function["Code"]["S3Key"].as_str().expect("a key"))).collect()
    }

    /// Each route with its function's binary and its authorizer.
    fn routes(&self) -> BTreeMap<String, (String, Option<String>)> {
        let binaries = self.binaries();
        let apis = self.resources("AWS::ApiGatewayV2::Api");
        let [(_, api)] = apis.as_slice() else { panic!("one API") };
        let mut routes = BTreeMap::new();
        for (path, methods) in api["Body"]["paths"].as_object().expect("paths") {
            for (method, operation) in methods.as_object().expect("methods") {
                let uri = operation["x-amazon-apigateway-integration"]["uri"].to_string();
                let function = binaries.iter().find(|(name, _)| uri.contains(&format!("${{{name}.Arn}}")));
                let (_, binary) = function.unwrap_or_else(|| panic!("{method} {path} goes to {uri}"));
                let security = operation["security"].as_array().map(Vec::as_slice).unwrap_or_default();
                let authorizer = match security {
                    [one] => one.as_object().and_then(|one| one.keys().next().cloned()),
                    _ => None,
                };
                routes.insert(format!("{} {path}", method.to_uppercase()), ((*binary).to_owned(), authorizer));
            }
        }
        routes
    }

    /// Every statement of every policy that the template writes.
    fn statements(&self) -> Vec<&Value> {
        let managed =
            self.resources("AWS::IAM::ManagedPolicy").into_iter().map(|(_, policy)| &policy["PolicyDocument"]);
        let roles = self.resources("AWS::IAM::Role").into_iter();
        let inline = roles.flat_map(|(_, role)| role["Policies"].as_array().into_iter().flatten());
        let documents = managed.chain(inline.map(|policy| &policy["PolicyDocument"]));
        let statements = documents.flat_map(|document| document["Statement"].as_array().expect("a list"));
        // A statement may hang on a condition.
        statements
            .flat_map(|statement| match statement["Fn::If"].as_array() {
                Some(parts) => parts[1..].iter().filter(|part| part.get("Effect").is_some()).collect(),
                None => vec![statement],
            })
            .collect()
    }
}

#[test]
fn code_template_and_watch_router_have_the_same_routes() {
    let code = functions::routes_in_code();
    assert!(!code.is_empty());
    assert_eq!(routes_in_watch_router(), code);
    let deployed = Deployed::translate().routes();
    assert_eq!(deployed.into_iter().map(|(route, (function, _))| (route, function)).collect::<Routes>(), code);
}

#[test]
fn every_function_has_its_events_and_its_resource() {
    let functions = functions::names();
    assert_eq!(functions::folders("events"), functions);
    assert_eq!(Deployed::translate().binaries().into_values().map(str::to_owned).collect::<BTreeSet<_>>(), functions);
    assert_eq!(functions::routes_in_code().into_values().collect::<BTreeSet<_>>(), functions);
}

#[test]
fn no_route_is_open() {
    for (route, (function, authorizer)) in Deployed::translate().routes() {
        let code = functions::code(&function);
        let expected = if code.contains("&Backend") { "AWS_IAM" } else { "SignedInUser" };
        assert_eq!(authorizer.as_deref(), Some(expected), "{route}");
    }
}

#[test]
fn a_function_may_read_one_secret_and_do_nothing_else() {
    let deployed = Deployed::translate();
    let mut secrets = Vec::new();
    for statement in deployed.statements() {
        assert_eq!(statement["Effect"], "Allow");
        assert!(!statement.to_string().contains('*'), "a wildcard: {statement}");
        match statement["Action"].as_str() {
            Some("secretsmanager:GetSecretValue") => secrets.push(statement["Resource"].to_string()),
            Some("kms:Decrypt") => assert_eq!(statement["Resource"]["Ref"], "SecretsKmsKeyArn"),
            _ => panic!("an action that no code calls: {statement}"),
        }
    }
    assert_eq!(secrets, ["Agora", "Zego", "Zim"].map(|of| format!(r#"{{"Ref":"{of}SecretArn"}}"#)));

    for (name, function) in deployed.resources("AWS::Lambda::Function") {
        assert_eq!(function["Runtime"], "provided.al2023", "{name}");
        assert_eq!(function["Architectures"], json!(["arm64"]), "{name}");
        let binary = function["Code"]["S3Key"].as_str().expect("a key");
        let vendor = functions::vendor(binary);
        // ZIM may have a project of its own.
        let own = |prefix: &str, suffix: &str| match binary {
            "zim-token" => json!({ "Fn::If": [
                "HasZimSecret", { "Ref": format!("{prefix}Zim{suffix}") }, { "Ref": format!("{prefix}Zego{suffix}") },
            ] }),
            _ => json!({ "Ref": format!("{prefix}{vendor:?}{suffix}") }),
        };
        let variables = function["Environment"]["Variables"].as_object().expect("variables");
        let given = |variable: &str| variables.get(variable).cloned();
        let other = if vendor == Vendor::Zego { Vendor::Agora } else { Vendor::Zego };
        assert_eq!(given(vendor.variable()), Some(own("", "SecretArn")), "{name}");
        assert_eq!((given(other.variable()), given("AUTH"), given("LOCAL_CREDENTIALS")), (None, None, None), "{name}");
        let role = function["Role"]["Fn::GetAtt"][0].as_str().expect("a role of its own");
        let roles = deployed.resources("AWS::IAM::Role");
        let (_, role) = roles.iter().find(|(name, _)| *name == role).expect("it is in the template");
        let logs = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole";
        let policies = json!([logs, own("Read", "Secret")]);
        assert_eq!(role["ManagedPolicyArns"], policies, "{name}");
        assert!(role.get("Policies").is_none(), "{name}");
    }
}

/// What the documents cite as proof is there: events by `function/name`, tests by their function's name. A `*` or an
/// ellipsis stands for any ending.
#[test]
fn the_documents_cite_what_exists() {
    let sources = all_sources().into_iter().map(|file| fs::read_to_string(file).expect("a source file"));
    let sources: String = sources.collect();
    let (mut events, mut tests) = (0, 0);
    for document in ["README.md", "SECURITY.md"] {
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
                && beginning.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
            {
                let function = if whole { format!("fn {beginning}(") } else { format!("fn {beginning}") };
                let known = sources.contains(&function) || document == "README.md";
                assert!(known, "{document} cites {cited}");
                tests += 1;
            }
        }
    }
    assert!(events > 20 && tests > 10, "{events} events, {tests} tests: this test looks where nothing is");
}

#[test]
fn every_relaxed_lint_has_its_reason() {
    let mut found = 0;
    for file in all_sources() {
        let code = fs::read_to_string(&file).expect("a source file");
        for relaxed in ["#[allow(", "#![allow(", "#[expect(", "#![expect("] {
            for attribute in code.split(relaxed).skip(1) {
                // This file speaks of them.
                if file.ends_with("it/repository.rs") {
                    continue;
                }
                let attribute = attribute.split_once(")]").expect("it ends").0;
                assert!(attribute.contains("reason = "), "{}: {relaxed}{attribute}", file.display());
                found += 1;
            }
        }
    }
    assert!(found > 0, "this test looks where nothing is");
}

fn all_sources() -> Vec<PathBuf> {
    ["shared", "functions", "tests"].iter().flat_map(|folder| sources(&project::root().join(folder))).collect()
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("readable").path());
    let mut found = Vec::new();
    for path in entries {
        if path.is_dir() && !path.ends_with("node_modules") {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}
