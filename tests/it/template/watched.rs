//! Logs, alarms and the dashboard, and how a new version gets its traffic.

use super::{Stack, list, text};
use crate::functions;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Fails if the log group does not keep its logs for as long as the parameter says.
fn assert_kept(stack: &Stack, group: &str) {
    assert_eq!(text(&stack.resource(group)["RetentionInDays"]), text(&stack.parameters["LogRetentionDays"]), "{group}");
}

#[test]
fn the_access_log_says_what_happened_and_to_nobody() {
    let stack = Stack::plain();
    let settings = &stack.only("AWS::ApiGatewayV2::Stage")["AccessLogSettings"];
    assert_eq!(settings["DestinationArn"], json!({ "Fn::GetAtt": ["ApiLogs", "Arn"] }));
    assert_kept(&stack, "ApiLogs");
    let format = text(&settings["Format"]);
    assert!(!format.contains('\n'), "one line");
    let parts = format.split("$context.").skip(1);
    let name =
        |part: &str| part.split(|end: char| !(end.is_ascii_alphanumeric() || end == '.')).next().map(str::to_owned);
    let said: Vec<_> = parts.filter_map(name).collect();
    // The log has no path, query, header, claim, address or user agent. The route has the names of its parameters, not
    // their values.
    let known =
        ["requestId", "status", "responseLatency", "integration.integrationStatus", "error.responseType", "routeKey"];
    assert_eq!(said, known);

    // Deployments wait for the alarm on this filter, and the API waits for deployments. So the filter must not wait for
    // the API.
    let filter = stack.only("AWS::Logs::MetricFilter");
    assert_eq!(filter["LogGroupName"], json!({ "Ref": "ApiLogs" }));
    let counted = &filter["MetricTransformations"][0];
    let alarm = stack.resource("ServerErrors");
    assert_eq!((&alarm["Namespace"], &alarm["MetricName"]), (&counted["MetricNamespace"], &counted["MetricName"]));
}

#[test]
fn what_costs_much_is_off_until_somebody_asks_for_it() {
    let stack = Stack::plain();
    assert_eq!(
        (text(&stack.parameters["SystemLogLevel"]), text(&stack.parameters["Tracing"])),
        ("WARN".to_owned(), "PassThrough".to_owned())
    );
}

#[test]
fn every_function_is_watched() {
    for stack in Stack::all() {
        let mut log_groups = BTreeSet::new();
        for (name, binary) in stack.functions() {
            let function = stack.resource(name);
            let log_group = function["LoggingConfig"]["LogGroup"]["Ref"].as_str().expect("a log group");
            assert_kept(&stack, log_group);
            assert!(log_groups.insert(log_group), "{name} shares {log_group} with another function");
            assert_eq!(function["LoggingConfig"]["LogFormat"], "JSON", "{name}");
            // Lambda's own lines about each request repeat what the access log and the functions say.
            assert_eq!(text(&function["LoggingConfig"]["SystemLogLevel"]), text(&stack.parameters["SystemLogLevel"]));
            assert_eq!(function["LoggingConfig"]["ApplicationLogLevel"], "INFO", "{name}");
            assert_eq!(text(&function["TracingConfig"]["Mode"]), text(&stack.parameters["Tracing"]), "{name}");

            // Nobody waits for the pre-warming function, and it has no credentials.
            if binary == functions::PREWARM {
                continue;
            }
            let dimensions = |key: &str| json!([{ "Name": key, "Value": { "Ref": name } }]);
            // The authorizer has no credentials, but the issuer's keys.
            let stale = if binary == functions::JWT_AUTHORIZER { "KeysStale" } else { "CredentialsStale" };
            let metrics = [
                ("AWS/Lambda", "Errors", "FunctionName"),
                ("AWS/Lambda", "Throttles", "FunctionName"),
                ("AWS/Lambda", "Duration", "FunctionName"),
                ("Tokenmint", stale, "function_name"),
            ];
            for (namespace, metric, key) in metrics {
                let alarm = stack.alarm(namespace, metric, &dimensions(key));
                let (_, alarm) = alarm.unwrap_or_else(|| panic!("{name} has no alarm on {metric}"));
                let (statistic, other) =
                    if metric == "Duration" { ("ExtendedStatistic", "p99") } else { ("Statistic", "Sum") };
                assert_eq!(alarm[statistic], other, "{name} {metric}");
                let limit =
                    if metric == "Duration" { text(&stack.parameters["SlowMilliseconds"]) } else { "0".to_owned() };
                assert_eq!(text(&alarm["Threshold"]), limit, "{name} {metric}");
            }
        }
        let topic = json!([{ "Ref": "AlarmTopic" }]);
        for (name, alarm) in stack.resources("AWS::CloudWatch::Alarm") {
            assert_eq!((&alarm["AlarmActions"], &alarm["OKActions"]), (&topic, &topic), "{name}");
            // The alarm on the schedule goes off if there is no data.
            let (comparison, missing) = if name == "PrewarmMissing" {
                ("LessThanThreshold", "breaching")
            } else {
                ("GreaterThanThreshold", "notBreaching")
            };
            assert_eq!(alarm["ComparisonOperator"], comparison, "{name}");
            assert_eq!(alarm["TreatMissingData"], missing, "{name}");
        }
        let subscription = &stack.only("AWS::SNS::Topic")["Subscription"];
        if stack.holds("HasAlarmEmail") {
            assert_eq!(*subscription, json!([{ "Protocol": "email", "Endpoint": "us@example.com" }]));
        } else {
            assert!(subscription.is_null());
        }
    }
}

#[test]
fn a_new_version_gets_all_traffic_only_if_no_alarm_goes_off() {
    for stack in Stack::all() {
        let aliases = stack.resources("AWS::Lambda::Alias");
        assert_eq!(aliases.len(), stack.functions().len());
        for (name, alias) in aliases {
            assert_eq!(alias["Name"], "live", "{name}");
            let function = alias["FunctionName"]["Ref"].as_str().expect("a function");
            if stack.functions()[function] == functions::PREWARM {
                continue;
            }
            let update = &stack.template["Resources"][name]["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"];
            let group = stack.resource(update["DeploymentGroupName"]["Ref"].as_str().expect("a deployment group"));
            let how = format!("CodeDeployDefault.Lambda{}", text(&stack.parameters["DeploymentType"]));
            assert_eq!(group["DeploymentConfigName"], how, "{name}");
            let dimension = json!([{ "Name": "FunctionName", "Value": { "Ref": function } }]);
            let own =
                ["Errors", "Duration"].map(|metric| stack.alarm("AWS/Lambda", metric, &dimension).expect("an alarm").0);
            let alarms = ["ServerErrors", own[0], own[1]].map(|alarm| json!({ "Name": { "Ref": alarm } }));
            assert_eq!(group["AlarmConfiguration"], json!({ "Enabled": true, "Alarms": alarms }), "{name}");
            assert_eq!(group["AutoRollbackConfiguration"]["Enabled"], true, "{name}");
            let events = list(&group["AutoRollbackConfiguration"]["Events"]);
            assert!(events.contains(&&json!("DEPLOYMENT_STOP_ON_ALARM")), "{name}");
        }
    }
}

#[test]
fn the_dashboard_shows_every_function() {
    for stack in Stack::all() {
        let body = text(&stack.only("AWS::CloudWatch::Dashboard")["DashboardBody"]);
        let body: Value = serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body}"));
        let mut of_functions = 0;
        for widget in list(&body["widgets"]) {
            let metrics = list(&widget["properties"]["metrics"]);
            // Skips the API's own metrics, and searches.
            if metrics[0][0] == "AWS/ApiGateway" || metrics[0][0].is_object() {
                continue;
            }
            let shown: BTreeSet<_> = metrics.iter().map(|metric| text(list(metric).last().expect("a value"))).collect();
            let expected: BTreeSet<_> = stack.warmed_functions().iter().map(|name| format!("${{{name}}}")).collect();
            assert_eq!(shown, expected, "{}", widget["properties"]["title"]);
            of_functions += 1;
        }
        assert!(of_functions >= 6, "{body}");
    }
}
