//! What reporters of problems and reviewers of security read.

use harness::project;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

fn read(file: &str) -> String {
    fs::read_to_string(project::root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The chapters of ASVS 5.0.0 that the page compares: each section's number of requirements.
const CHAPTERS: [(u8, &[u8]); 6] = [
    (4, &[5, 5, 2, 4]),
    (8, &[4, 4, 3, 2]),
    (9, &[3, 4]),
    (11, &[4, 5, 5, 4, 2, 2, 2]),
    (13, &[4, 6, 4, 7]),
    (16, &[1, 5, 4, 3, 4]),
];

fn numbers(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|letter: char| letter != '.' && !letter.is_ascii_digit());
    words.map(|word| word.trim_end_matches('.')).filter(|word| word.matches('.').count() == 2)
}

#[test]
fn every_requirement_of_the_security_standards_has_one_answer() {
    let page = read("docs/reference/security-standards.md");
    let asvs = CHAPTERS.iter().flat_map(|(chapter, sections)| {
        (1..)
            .zip(*sections)
            .flat_map(move |(section, many)| (1..=*many).map(move |it| format!("{chapter}.{section}.{it}")))
    });
    let expected: Vec<_> = asvs.chain((1..=10).map(|risk| format!("API{risk}:2023"))).collect();

    let (mut answered, mut gaps, mut by_aws) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
    for row in page.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |")) {
        let cells: Vec<_> = row.split(" | ").collect();
        let risk = cells[0].strip_suffix(":2023").is_some();
        let here: Vec<_> = if risk { vec![cells[0]] } else { numbers(cells[0]).collect() };
        if here.is_empty() {
            continue;
        }
        let (level, [asked, met, why, shown]) = match cells[1..] {
            [level, asked, met, why, shown] if !risk => (level, [asked, met, why, shown]),
            [asked, met, why, shown] if risk => ("", [asked, met, why, shown]),
            _ => panic!("{row}"),
        };
        assert!(risk || ["1", "2", "3"].contains(&level), "{row}");
        assert!(["yes", "AWS", "in part", "no", "–"].contains(&met), "{row}");
        assert!(!asked.is_empty() && why.len() > 10, "{row}");
        // The other test finds out whether the tests that are named here exist.
        assert!(met != "yes" || shown.starts_with('`'), "no test shows it: {row}");
        assert!(met != "–" || shown == "–", "{row}");
        if level == "1" && met != "yes" && met != "–" {
            if met == "AWS" { &mut by_aws } else { &mut gaps }.extend(here.iter().map(|it| (*it).to_owned()));
        }
        answered.extend(here.into_iter().map(str::to_owned));
    }
    // In the standards' order, so a reader finds each number.
    assert_eq!(answered, expected);

    // The summary says which requirements of level 1 the code does not meet alone.
    let summary = page.split("Of level 1, ").nth(1).and_then(|rest| rest.split("\n\n").next()).expect("the summary");
    let (not_met, aws) = summary.split_once(" AWS meets ").expect("both sentences");
    // "11.3.2, because" has a comma, and the last number of a sentence a full stop.
    assert_eq!(numbers(not_met).map(str::to_owned).collect::<BTreeSet<_>>(), gaps);
    assert_eq!(numbers(aws).map(str::to_owned).collect::<BTreeSet<_>>(), by_aws);
}

/// A token in a public issue lets every reader in. So each form says so before somebody writes, and the form about
/// refused tokens asks for what the inspector says of them.
#[test]
fn every_form_for_issues_warns_of_tokens_and_secrets() {
    let folder = project::root().join(".github/ISSUE_TEMPLATE");
    let files = fs::read_dir(&folder).expect("the forms").map(|file| file.expect("readable").file_name());
    let mut forms = BTreeMap::new();
    for file in files.map(|name| name.into_string().expect("UTF-8")).filter(|name| name != "config.yml") {
        let text = read(&format!(".github/ISSUE_TEMPLATE/{file}"));
        let name = text.lines().next().and_then(|line| line.strip_prefix("name: ")).expect("a name").to_owned();
        assert!(
            text.contains("**Never put a token, a JWT, an app certificate, or a server secret into an issue.**"),
            "{file}"
        );
        let (_, promise) =
            text.split_once("This issue holds no token, JWT, app certificate, or server secret.").expect("a box");
        assert_eq!(promise.trim(), "required: true", "{file}");
        forms.insert(name, text);
    }
    assert!(forms.len() >= 3, "{:?}", forms.keys());
    // Without a form nobody is warned.
    assert!(read(".github/ISSUE_TEMPLATE/config.yml").contains("\nblank_issues_enabled: false\n"));
    assert!(read(".github/pull_request_template.md").contains("Never put a token,"));

    let refused = "A token is refused";
    assert!(read("CONTRIBUTING.md").contains(&format!("the form \"{refused}\"")));
    assert!(forms[refused].contains("What `tokenmint inspect --json` says"), "{}", forms[refused]);
    assert!(read("SECURITY.md").contains("\n## Report a vulnerability\n"), "CONTRIBUTING.md links to it");
}
