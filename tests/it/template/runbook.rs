//! `docs/how-to/stop-minting.md` agrees with the template.

use super::{AGENTS, CLASSROOMS, DROP_IN, NO_AGORA, NO_ZEGO, Stack};
use harness::project;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

fn page() -> String {
    fs::read_to_string(project::root().join("docs/how-to/stop-minting.md")).expect("the runbook")
}

/// The shell commands on the page.
fn commands() -> Vec<String> {
    let page = page();
    let blocks = page.split("```sh\n").skip(1).map(|rest| rest.split("```").next().expect("closed").to_owned());
    blocks.collect()
}

/// A program's output for an input.
fn piped(command: &mut Command, input: &str) -> String {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it is installed");
    child.stdin.take().expect("piped").write_all(input.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{command:?} refuses {input}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn every_command_is_a_shells() {
    let commands = commands();
    assert!(commands.len() >= 8, "{commands:?}");
    for command in commands {
        piped(Command::new("bash").arg("-n"), &command);
    }
}

/// Runs the AWS CLI's queries with the library that the AWS CLI uses.
#[test]
fn the_queries_find_every_function_that_makes_tokens_and_no_other() {
    let script = "import jmespath, json, sys\n\
        query, resources = json.load(sys.stdin)\n\
        print(json.dumps(jmespath.search(query, resources)))";
    let commands = commands().concat();
    let queries: Vec<_> = commands.split('"').filter(|text| text.starts_with("StackResourceSummaries")).collect();
    let [minters, api] = queries.as_slice() else { panic!("{queries:?}") };
    for given in [&[][..], &[NO_ZEGO], &[NO_AGORA], &[DROP_IN], &[CLASSROOMS], &[AGENTS]] {
        let stack = Stack::with(given);
        let resources = stack.template["Resources"].as_object().expect("resources").iter();
        let summaries: Vec<_> = resources
            .map(|(name, it)| {
                json!({ "LogicalResourceId": name, "PhysicalResourceId": name, "ResourceType": it["Type"] })
            })
            .collect();
        let found = |query: &str| -> BTreeSet<String> {
            let input = json!([query, { "StackResourceSummaries": summaries }]).to_string();
            let found = piped(Command::new(project::tool("python")).args(["-c", script]), &input);
            serde_json::from_str(&found).expect("a list of names")
        };
        let minting: BTreeSet<_> = stack.token_functions().into_iter().map(|(name, _)| name.to_owned()).collect();
        assert_eq!(found(minters), minting);
        assert_eq!(found(api), BTreeSet::from(["Api".to_owned()]));
    }
}

#[test]
fn what_it_names_is_in_the_template() {
    let stack = Stack::plain();
    let page = page();
    let mut found = 0;
    for name in page.split('`').skip(1).step_by(2) {
        let word = name.split('=').next().expect("the first");
        let of_ours = word.len() > 5 && word.starts_with(|first: char| first.is_ascii_uppercase());
        if !of_ours || !word.bytes().all(|byte| byte.is_ascii_alphabetic()) || word == "KickoutUser" {
            continue;
        }
        let sections = ["Parameters", "Resources", "Outputs"];
        assert!(sections.iter().any(|section| stack.template[section].get(word).is_some()), "there is no {word}");
        found += 1;
    }
    assert!(found > 10, "{found}: this test found nothing to check");
    // The alias, the default limits, and a route.
    assert!(stack.resources("AWS::Lambda::Alias").iter().all(|(_, alias)| alias["Name"] == "live"));
    let default = |parameter: &str| stack.template["Parameters"][parameter]["Default"].clone();
    assert_eq!((default("RateLimit"), default("BurstLimit")), (json!(100), json!(200)));
    assert!(page.contains("(100 and 200 unless"));
    let routes: BTreeSet<_> = commands().concat().split(['"', '\'']).map(str::to_owned).collect();
    let routes: Vec<_> = routes.into_iter().filter(|text| text.starts_with("GET /")).collect();
    assert!(!routes.is_empty() && routes.iter().all(|route| stack.routes().contains_key(route)), "{routes:?}");
    assert_eq!(default("ReservedConcurrency"), Value::from(0));
}

#[test]
fn the_documents_lead_to_it() {
    for document in ["README.md", "SECURITY.md"] {
        let text = fs::read_to_string(project::root().join(document)).expect("a document");
        assert!(text.contains("(docs/how-to/stop-minting.md)"), "{document}");
    }
}
