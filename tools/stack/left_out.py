"""What the emulator leaves out of a stack. We make it from the template, through the emulator's own APIs, and add nothing.

* It ignores the OpenAPI document of an API. So we make what API Gateway would: authorizers, integrations and routes. Every route must have
  the authorizer that the document says.
* It ignores where a function's failed events go (`AWS::Lambda::EventInvokeConfig`)."""

import copy
import re

from resolve_template import answer


def deployed(template, parameters):
    """The resources that CloudFormation would make. They refer to each other as {"Ref": NAME}, {"Fn::GetAtt": ...} and ${NAME}."""
    source = copy.deepcopy(template)
    for resource in source["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://functions/code"
    said = answer(source, parameters, {}, {})
    if "error" in said:
        raise SystemExit(f"The template cannot be read: {said['error']}")
    return said["template"]["Resources"]


def physical(value, ids):
    """The value with each reference to a resource replaced by the resource's id."""
    if isinstance(value, dict):
        if value.keys() == {"Ref"}:
            return ids[value["Ref"]]
        if value.keys() == {"Fn::Join"}:
            separator, parts = value["Fn::Join"]
            return separator.join(physical(parts, ids))
        return {name: physical(of, ids) for name, of in value.items()}
    if isinstance(value, list):
        return [physical(item, ids) for item in value]
    if isinstance(value, str):
        return re.sub(r"\$\{(\w+)\}", lambda found: ids[found[1]], value)
    return value


def keep_failed_events(functions, queues, resources, ids):
    """Says where failed events go. The emulator knows this for a whole function alone, not for an alias."""
    for resource in resources.values():
        if resource["Type"] != "AWS::Lambda::EventInvokeConfig":
            continue
        said = resource["Properties"]
        queue, attribute = said["DestinationConfig"]["OnFailure"]["Destination"]["Fn::GetAtt"]
        address = queues.get_queue_attributes(QueueUrl=ids[queue], AttributeNames=["QueueArn"])
        assert attribute == "Arn", attribute
        functions.put_function_event_invoke_config(
            FunctionName=physical(said["FunctionName"], ids),
            MaximumRetryAttempts=said["MaximumRetryAttempts"],
            MaximumEventAgeInSeconds=said["MaximumEventAgeInSeconds"],
            DestinationConfig={"OnFailure": {"Destination": address["Attributes"]["QueueArn"]}},
        )


def make_routes(client, api, body, ids):
    """Makes the API's routes anew. Returns each with its authorizer."""
    for listed, remove, name in [
        ("get_routes", "delete_route", "RouteId"),
        ("get_integrations", "delete_integration", "IntegrationId"),
        ("get_authorizers", "delete_authorizer", "AuthorizerId"),
    ]:
        for item in getattr(client, listed)(ApiId=api)["Items"]:
            getattr(client, remove)(ApiId=api, **{name: item[name]})
    endpoint = body["servers"][0]["x-amazon-apigateway-endpoint-configuration"]
    client.update_api(ApiId=api, DisableExecuteApiEndpoint=endpoint["disableExecuteApiEndpoint"])
    cors = body.get("x-amazon-apigateway-cors")
    if cors:
        client.update_api(ApiId=api, CorsConfiguration={name[0].upper() + name[1:]: of for name, of in cors.items()})
    kinds, authorizers = {"jwt": "JWT", "request": "CUSTOM"}, {}
    for name, scheme in body["components"]["securitySchemes"].items():
        if scheme.get("x-amazon-apigateway-authtype") == "awsSigv4":
            authorizers[name] = {"AuthorizationType": "AWS_IAM"}
            continue
        said = physical(scheme["x-amazon-apigateway-authorizer"], ids)
        common = {"ApiId": api, "Name": name, "IdentitySource": [said["identitySource"]]}
        if said["type"] == "jwt":
            jwt = said["jwtConfiguration"]
            configuration = {"Issuer": jwt["issuer"], "Audience": jwt["audience"]}
            made = client.create_authorizer(AuthorizerType="JWT", JwtConfiguration=configuration, **common)
        else:
            made = client.create_authorizer(
                AuthorizerType="REQUEST",
                AuthorizerUri=said["authorizerUri"],
                AuthorizerPayloadFormatVersion=said["authorizerPayloadFormatVersion"],
                EnableSimpleResponses=said["enableSimpleResponses"],
                AuthorizerResultTtlInSeconds=said["authorizerResultTtlInSeconds"],
                **common,
            )
        authorizers[name] = {"AuthorizationType": kinds[said["type"]], "AuthorizerId": made["AuthorizerId"]}
    made = {}
    for path, methods in body["paths"].items():
        for method, operation in methods.items():
            # A route without exactly one authorizer is open or unclear, and is not made.
            [security] = operation["security"]
            [(name, scopes)] = security.items()
            integration = client.create_integration(
                ApiId=api,
                IntegrationType="AWS_PROXY",
                IntegrationUri=physical(operation["x-amazon-apigateway-integration"]["uri"], ids),
                PayloadFormatVersion=operation["x-amazon-apigateway-integration"]["payloadFormatVersion"],
            )
            key = f"{method.upper()} {path}"
            client.create_route(
                ApiId=api,
                RouteKey=key,
                Target=f"integrations/{integration['IntegrationId']}",
                AuthorizationScopes=physical(scopes, ids),
                **authorizers[name],
            )
            made[key] = name
    return made


def complete(client, name, template):
    """Makes what the emulator leaves out of this stack. `client` makes a client of a service. Returns each route with its authorizer."""
    formation = client("cloudformation")
    [stack] = formation.describe_stacks(StackName=name)["Stacks"]
    parameters = {it["ParameterKey"]: it["ParameterValue"] for it in stack["Parameters"]}
    resources = formation.describe_stack_resources(StackName=name)["StackResources"]
    ids = {it["LogicalResourceId"]: it["PhysicalResourceId"] for it in resources}
    expected = deployed(template, parameters)
    keep_failed_events(client("lambda"), client("sqs"), expected, ids)
    return make_routes(client("apigatewayv2"), ids["Api"], expected["Api"]["Properties"]["Body"], ids)
