//! `deploy/deployer.yaml`: the rights that deploying `template.yaml` takes, and no more.

use crate::repository;
use harness::project;
use serde_json::{Map, Value};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const FILE: &str = "deploy/deployer.yaml";

/// What `deployer.py` finds in each file: questions, each with a list of what is wrong.
fn found(files: &[PathBuf]) -> Vec<Map<String, Value>> {
    let mut python = Command::new(project::tool("python"));
    python.arg("tests/it/template/deployer.py").args(files).env("AWS_DEFAULT_REGION", "eu-central-1");
    serde_json::from_value(repository::output(&mut python)).expect("objects")
}

/// The questions with a fault.
fn wrong(found: &Map<String, Value>) -> Vec<String> {
    let wrong = found.iter().filter(|(_, wrong)| wrong.as_array().is_none_or(|wrong| !wrong.is_empty()));
    wrong.map(|(question, wrong)| format!("{question}: {wrong}")).collect()
}

#[test]
fn who_deploys_can_do_what_it_takes_and_nothing_more() {
    let found = found(&[project::root().join(FILE)]);
    assert!(found[0].len() > 8, "{found:?}");
    assert_eq!(wrong(&found[0]), Vec::<String>::new());
}

/// Otherwise the test above could not fail.
#[test]
fn faults_in_the_rights_are_found() {
    let written = fs::read_to_string(project::root().join(FILE)).expect("readable");
    let boundary = "                Condition: { StringEquals: { iam:PermissionsBoundary: !Ref Boundary } }\n";
    let faults = [
        ("                  - lambda:PublishVersion\n", "", "CloudFormation lacks: "),
        (
            "[s3:GetObject, s3:GetObjectVersion]",
            "[s3:GetObject, s3:GetObjectVersion, s3:DeleteObject]",
            "CloudFormation does not need: ",
        ),
        ("                  - iam:DeleteRole\n", "                  - iam:*\n", "CloudFormation does not need: "),
        (boundary, "", "a way to more rights: "),
        (
            "[iam:CreateRole, iam:PutRolePermissionsBoundary,",
            "[iam:CreateRole, iam:DeleteRolePermissionsBoundary,",
            "a way to more rights: ",
        ),
        (
            "policy/${StackName}-*\n              # The peaks",
            "policy/*\n              # The peaks",
            "a way to more rights: ",
        ),
        (
            "cloudwatch:AlarmActions: !Sub arn:${AWS::Partition}:sns:${AWS::Region}:${AWS::AccountId}:${StackName}-*",
            "cloudwatch:AlarmActions: \"*\"",
            "a way to more rights: ",
        ),
        (
            "[logs:CreateLogStream, logs:PutLogEvents]",
            "[logs:CreateLogStream]",
            "the boundary takes from a role of the stack: ",
        ),
        (
            "Action: cloudformation:GetTemplateSummary, Res",
            "Action: cloudformation:CreateStack, Res",
            "for all resources: ",
        ),
        ("Action: [s3:GetObject, s3:PutObject]", "Action: s3:GetObject", "who deploys lacks: "),
        (
            "Principal: { Service: cloudformation.amazonaws.com }",
            "Principal: { AWS: \"123456789012\" }",
            "others who may take the role: ",
        ),
    ];
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("deployer");
    fs::create_dir_all(&folder).expect("writable");
    let mut files = Vec::new();
    for (number, (from, to, _)) in faults.iter().enumerate() {
        assert!(written.contains(from), "{from}");
        let file = folder.join(format!("{number}.yaml"));
        fs::write(&file, written.replacen(from, to, 1)).expect("writable");
        files.push(file);
    }
    for ((from, to, question), found) in faults.iter().zip(found(&files)) {
        assert!(wrong(&found).iter().any(|it| it.starts_with(question)), "{from:?} → {to:?}: {:?}", wrong(&found));
    }
}
