//! Two stacks in one account and region, such as staging and production: they share no name.

use super::{AGENTS, AUDIENCE, CLASSROOMS, DROP_IN, ISSUER, STACK, Stack, TOKENMINT, text};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Whether a value is known only after a deployment, and so differs from stack to stack.
fn refers(value: &Value) -> bool {
    let text = value.to_string();
    ["${", "{\"Ref\":", "{\"Fn::GetAtt\":"].iter().any(|reference| text.contains(reference))
}

/// What names each resource, by its logical id. A resource that CloudFormation names itself is not in it.
fn names(stack: &Stack) -> BTreeMap<&str, Vec<&Value>> {
    let resources = stack.template["Resources"].as_object().expect("resources");
    let named = resources.iter().map(|(logical_id, resource)| {
        let naming = stack.names[&text(&resource["Type"])].iter();
        let values: Vec<_> = naming.filter_map(|property| resource["Properties"].get(property)).collect();
        (logical_id.as_str(), values)
    });
    named.filter(|(_, values)| !values.is_empty()).collect()
}

/// The resources that another stack would have under the same name.
fn shared(given: &[(&str, &str)], added: &Value) -> Vec<String> {
    let (production, staging) = (Stack::named(STACK, given, added), Stack::named("staging", given, added));
    let (ours, theirs) = (names(&production), names(&staging));
    assert!(ours.contains_key("ApiLogs") && ours.contains_key("PrewarmLogs"), "the log groups have names: {ours:?}");
    let same = ours.iter().filter(|(id, values)| theirs[*id] == **values && !values.iter().any(|value| refers(value)));
    same.map(|(id, _)| (*id).to_owned()).collect()
}

#[test]
fn no_resource_has_a_name_that_another_stack_would_have_too() {
    let everything =
        [TOKENMINT, DROP_IN, CLASSROOMS, AGENTS, ("ProvisionedPeak", "10"), ("AlarmEmail", "us@example.com")];
    let own_issuer = [ISSUER, AUDIENCE, ("AllowedOrigins", "https://app.example.com")];
    for given in [&[][..], &everything, &own_issuer] {
        assert_eq!(shared(given, &json!({})), Vec::<String>::new(), "{given:?}");
    }
}

#[test]
fn a_name_that_another_stack_would_have_is_found() {
    let group = |name: Value| json!({ "Type": "AWS::Logs::LogGroup", "Properties": { "LogGroupName": name } });
    let schedule = json!({ "Type": "AWS::Scheduler::Schedule", "Properties": { "Name": "PrewarmEveryFewMinutes" } });
    let policy = json!({ "Type": "AWS::IAM::ManagedPolicy", "Properties": { "ManagedPolicyName": "traces" } });
    let added = json!({
        "Fixed": group(json!("/aws/tokenmint")),
        "OfTheStack": group(json!({ "Fn::Sub": "/aws/${AWS::StackName}" })),
        "OfTheApi": group(json!({ "Ref": "Api" })),
        "Schedule": schedule,
        "Policy": policy,
    });
    assert_eq!(shared(&[], &added), ["Fixed", "Policy", "Schedule"]);
}

/// Otherwise production's alarm would go off for staging's failure.
#[test]
fn no_alarm_watches_another_stack() {
    let metric = |alarm: &Value| ["Namespace", "MetricName", "Dimensions"].map(|key| alarm[key].clone());
    let given = [TOKENMINT, DROP_IN, CLASSROOMS, AGENTS];
    let (production, staging) = (Stack::named(STACK, &given, &json!({})), Stack::named("staging", &given, &json!({})));
    let alarms = production.resources("AWS::CloudWatch::Alarm");
    assert!(alarms.len() > 20, "{}", alarms.len());
    for (name, alarm) in alarms {
        let own = refers(&alarm["Dimensions"]) || metric(alarm) != metric(staging.resource(name));
        assert!(own, "{name}");
    }
}
