//! How many environments there are, and what keeps them warm.

use super::policies::allowed;
use super::{AGENTS, CLASSROOMS, DROP_IN, Stack, everywhere, list, text};
use crate::functions;
use harness::project;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

#[test]
fn the_schedule_warms_every_token_function_and_what_fails_is_kept_and_told() {
    for stack in Stack::all() {
        let prewarm = stack.functions().into_iter().find(|(_, binary)| binary == functions::PREWARM);
        let (name, _) = prewarm.expect("a function for it");
        let function = stack.resource(name);
        let aliases: BTreeSet<_> = stack.warmed_functions().iter().map(|name| format!("{name}Aliaslive")).collect();
        let referred = |list: &Value| -> BTreeSet<String> {
            list.as_array().expect("a list").iter().map(|alias| text(&alias["Ref"])).collect()
        };
        let variables = function["Environment"]["Variables"].as_object().expect("variables");
        assert_eq!(referred(&variables["FUNCTIONS"]["Fn::Join"][1]), aliases);
        assert!(variables.keys().all(|name| !name.ends_with("SECRET_ID")), "{variables:?}");

        let queue = json!({ "Fn::GetAtt": ["PrewarmFailures", "Arn"] });
        let may = allowed(&stack, function["Role"]["Fn::GetAtt"][0].as_str().expect("a role of its own"));
        let mut actions: Vec<_> =
            may.iter().map(|statement| (statement["Action"].to_string(), &statement["Resource"])).collect();
        actions.retain(|(action, _)| !action.contains("xray") && !action.contains("logs"));
        let [(invoke, functions), (send, to)] = actions.as_slice() else { panic!("{may:?}") };
        assert_eq!((invoke.as_str(), referred(functions)), ("\"lambda:InvokeFunction\"", aliases));
        assert_eq!((send.as_str(), *to), ("\"sqs:SendMessage\"", &queue));

        let failures = stack.only("AWS::Lambda::EventInvokeConfig");
        assert_eq!(failures["DestinationConfig"]["OnFailure"]["Destination"], queue);
        assert_eq!(failures["MaximumRetryAttempts"], 0, "a failure is told, not tried away");
        let schedule = stack.only("AWS::Scheduler::Schedule");
        assert_eq!(schedule["State"], "ENABLED");
        assert_eq!(schedule["ScheduleExpression"], "rate(4 minutes)");
        assert_eq!(schedule["Target"]["Arn"], json!({ "Ref": format!("{name}Aliaslive") }));
        assert_eq!(schedule["Target"]["DeadLetterConfig"]["Arn"], queue);
        let input: Value = serde_json::from_str(&text(&schedule["Target"]["Input"])).expect("JSON");
        let event = fs::read_to_string(project::root().join("events/prewarm/schedule.json")).expect("the event");
        assert_eq!(input, serde_json::from_str::<Value>(&event).expect("JSON"));
        let minutes = input["every_minutes"].as_u64().expect("minutes");
        let fresh = text(&stack.parameters["CredentialsTtlSeconds"]).parse::<u64>().expect("seconds");
        assert!(minutes * 60 < fresh, "credentials stay fresh from one warm-up to the next");

        let starter = schedule["Target"]["RoleArn"]["Fn::GetAtt"][0].as_str().expect("a role of its own");
        let may = allowed(&stack, starter);
        let resources: Vec<_> = may.iter().map(|statement| &statement["Resource"]).collect();
        assert_eq!(resources, [&json!({ "Ref": format!("{name}Aliaslive") }), &queue]);

        for metric in ["Errors", "Throttles"] {
            let dimension = json!([{ "Name": "FunctionName", "Value": { "Ref": name } }]);
            assert!(stack.alarm("AWS/Lambda", metric, &dimension).is_some(), "{metric}");
        }
        let queue_name = json!([{ "Name": "QueueName", "Value": { "Fn::GetAtt": ["PrewarmFailures", "QueueName"] } }]);
        assert!(stack.alarm("AWS/SQS", "ApproximateNumberOfMessagesVisible", &queue_name).is_some());
    }
    let off = Stack::with(&[("PrewarmEnvironments", "0")]);
    assert_eq!(off.only("AWS::Scheduler::Schedule")["State"], "DISABLED");
    assert!(!off.exists("PrewarmMissing"), "nobody waits for what was switched off");
}

#[test]
fn environments_are_guaranteed_where_it_is_asked_for() {
    let provisioned = |stack: &Stack| -> BTreeMap<String, Option<String>> {
        let aliases = stack.resources("AWS::Lambda::Alias").into_iter();
        let guaranteed =
            |alias: &Value| alias["ProvisionedConcurrencyConfig"].get("ProvisionedConcurrentExecutions").map(text);
        aliases.map(|(_, alias)| (text(&alias["FunctionName"]["Ref"]), guaranteed(alias))).collect()
    };
    let plain = Stack::plain();
    assert!(provisioned(&plain).values().all(Option::is_none));
    assert!(plain.resources("AWS::ApplicationAutoScaling::ScalableTarget").is_empty());

    let stack = Stack::with(&[
        DROP_IN,
        CLASSROOMS,
        AGENTS,
        ("ProvisionedConcurrency", "3"),
        ("ProvisionedPeak", "50"),
        ("ProvisionedPeakStart", "cron(0 8 ? * MON-FRI *)"),
        ("ProvisionedTimeZone", "Europe/Berlin"),
    ]);
    let provisioned = provisioned(&stack);
    let targets = stack.resources("AWS::ApplicationAutoScaling::ScalableTarget");
    assert_eq!(targets.len(), stack.token_functions().len());
    for (name, _) in stack.token_functions() {
        assert_eq!(provisioned[name].as_deref(), Some("3"), "{name}");
        // It comes out of the alias's ARN. So CloudFormation makes the alias first.
        let resource = format!("function:${{{name}}}:live");
        let (_, target) =
            targets.iter().find(|(_, target)| target["ResourceId"] == resource.as_str()).expect("a target");
        let actions = list(&target["ScheduledActions"]);
        let said = |action: &Value| {
            let bounds = &action["ScalableTargetAction"];
            (
                text(&action["Schedule"]),
                text(&bounds["MinCapacity"]),
                text(&bounds["MaxCapacity"]),
                text(&action["Timezone"]),
            )
        };
        let action = |schedule: &str, capacity: &str| {
            (schedule.to_owned(), capacity.to_owned(), capacity.to_owned(), "Europe/Berlin".to_owned())
        };
        let expected = [action("cron(0 8 ? * MON-FRI *)", "50"), action("cron(0 22 * * ? *)", "3")];
        assert_eq!(actions.into_iter().map(said).collect::<Vec<_>>(), expected, "{name}");
    }
}

#[test]
fn concurrency_is_reserved_where_it_is_asked_for() {
    let reserved = |stack: &Stack| -> BTreeSet<Option<String>> {
        let functions = stack.token_functions().into_iter();
        functions.map(|(_, function)| function.get("ReservedConcurrentExecutions").map(text)).collect()
    };
    assert_eq!(reserved(&Stack::plain()), BTreeSet::from([None]));
    assert_eq!(reserved(&Stack::with(&[("ReservedConcurrency", "20")])), everywhere("20"));
    assert_eq!(reserved(&Stack::with(&[DROP_IN, CLASSROOMS, AGENTS, ("ReservedConcurrency", "20")])), everywhere("20"));
}
