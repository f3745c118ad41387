//! References: each one leads to a resource, and they form no circle.

use super::{AUDIENCE, ISSUER, Stack, list, text};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// CloudFormation refuses a reference to a resource that does not exist. So these tests must refuse it too.
#[test]
fn references_to_what_is_not_there_are_refused() {
    let topic = |name: Value| json!({ "Added": { "Type": "AWS::SNS::Topic", "Properties": { "TopicName": name } } });
    for (name, error) in [
        (json!({ "Ref": "Nothing" }), "there is no Nothing"),
        (json!({ "Fn::GetAtt": ["Nothing", "Arn"] }), "there is no Nothing"),
        (json!({ "Fn::Sub": "a-${Nothing}" }), "there is no Nothing"),
        (json!({ "Fn::Sub": "a-${Nothing.Arn}" }), "there is no Nothing"),
        (json!({ "Fn::Sub": ["a-${It}", { "It": { "Ref": "Nothing" } }] }), "there is no Nothing"),
        (json!({ "Fn::Join": ["-", ["a", { "Ref": "Nothing" }]] }), "there is no Nothing"),
        // The template has it, but its condition is false.
        (json!({ "Ref": "UserPool" }), "there is no UserPool"),
        (json!({ "Fn::If": ["Nothing", "a", "b"] }), "Condition 'Nothing' not found"),
        (json!({ "Fn::Select": [1, ["a"]] }), "Fn::Select index out of bounds"),
        (json!({ "Fn::ImportValue": "elsewhere" }), "Fn::ImportValue is not resolved"),
    ] {
        let refused = Stack::try_with(&[ISSUER, AUDIENCE], &topic(name.clone()));
        assert_eq!(refused.err().as_deref(), Some(error), "{name}");
    }
    let unknown = Stack::try_with(&[("Nothing", "1")], &json!({}));
    assert!(unknown.err().is_some_and(|error| error.contains("'Nothing'")));
}

/// These cases are ours, because SAM's expander leaves them to CloudFormation or handles them differently.
#[test]
fn references_and_nothing_are_put_in_as_cloudformation_does() {
    let nothing = json!({ "Ref": "AWS::NoValue" });
    let sometimes =
        |there: bool| json!({ "Fn::If": ["OwnUserPool", if there { json!("a") } else { nothing.clone() }, nothing] });
    let properties = json!({
        "Plain": { "Fn::Join": ["-", ["a", sometimes(false), "b", nothing]] },
        "Later": { "Fn::Join": ["-", ["a", sometimes(false), { "Ref": "Api" }]] },
        "Sub": { "Fn::Sub": ["${One} ${Two} ${AWS::Region}", { "One": { "Ref": "Api" }, "Two": sometimes(true) }] },
        "Gone": sometimes(false),
        "List": [sometimes(true), sometimes(false), nothing],
    });
    let added = json!({ "Added": { "Type": "AWS::SNS::Topic", "Properties": properties } });
    let stack = Stack::try_with(&[], &added).unwrap_or_else(|error| panic!("{error}"));
    let expected = json!({
        "Plain": "a-b",
        "Later": { "Fn::Join": ["-", ["a", { "Ref": "Api" }]] },
        "Sub": "${Api} a eu-central-1",
        "List": ["a"],
    });
    assert_eq!(*stack.resource("Added"), expected);
}

/// The resources that CloudFormation makes before this one, because this one refers to them.
fn waits_for(stack: &Stack, resource: &Value) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    match resource {
        Value::String(text) => {
            let within = text.split("${").skip(1).filter_map(|part| part.split(['}', '.']).next());
            names.extend(within.map(str::to_owned));
        }
        Value::Array(items) => names.extend(items.iter().flat_map(|item| waits_for(stack, item))),
        Value::Object(fields) => {
            for (name, field) in fields {
                match name.as_str() {
                    "Ref" => names.extend(field.as_str().map(str::to_owned)),
                    "Fn::GetAtt" => names.extend(field[0].as_str().map(str::to_owned)),
                    "DependsOn" => names.extend(list(field).into_iter().map(text)),
                    _ => names.extend(waits_for(stack, field)),
                }
            }
        }
        _ => {}
    }
    names.retain(|name| stack.exists(name));
    names
}

#[test]
fn no_resource_waits_for_itself() {
    for stack in Stack::all() {
        let resources = stack.template["Resources"].as_object().expect("resources").iter();
        let mut waiting: BTreeMap<_, _> = resources.map(|(name, it)| (name.clone(), waits_for(&stack, it))).collect();
        // Makes all resources that wait for nothing, again and again, until none is left.
        loop {
            let ready: BTreeSet<_> =
                waiting.iter().filter(|(_, on)| on.is_empty()).map(|(name, _)| name.clone()).collect();
            if ready.is_empty() {
                break;
            }
            waiting.retain(|name, _| !ready.contains(name));
            waiting.values_mut().for_each(|on| on.retain(|name| !ready.contains(name)));
        }
        assert!(waiting.is_empty(), "these wait for each other: {waiting:#?}");
    }
}
