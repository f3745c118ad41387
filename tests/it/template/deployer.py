"""Judges files such as deploy/deployer.yaml: may CloudFormation's role do what template.yaml needs, and nothing more? Prints a JSON object for
each file in the arguments: each question, and a list of what is wrong.

AWS's own schema of a type says what the type needs (`handlers`). The types are those of template.yaml, with every parameter
that adds one. The policies are judged as IAM does: a statement must allow, with its resources and its conditions, and none may deny.
"""

import fnmatch
import json
import logging
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tools"))

from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER  # noqa: E402
from expand_template import expanded, read  # noqa: E402
from moto.iam.aws_managed_policies import aws_managed_policies_data  # noqa: E402
from resolve_template import ACCOUNT, REGION, answer  # noqa: E402

PARTITION, STACK, DEPLOYER = "aws", "tokenmint", "tokenmint-deployer"
LIMITED = "arn:aws:iam::aws:policy/service-role/AWSCodeDeployRoleForLambdaLimited"
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/deployers/{DEPLOYER}-Boundary-ABC"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/deployers/{DEPLOYER}-CloudFormationRole-ABC"
POLICY = f"arn:aws:iam::{ACCOUNT}:policy/deployers/{DEPLOYER}-Deploy-ABC"
BUCKET = f"arn:aws:s3:::{DEPLOYER}-artifacts-abc"
SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:tokenmint/agora-abcdef"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/0f"

# What a schema names, and the stack needs only if the resource has this property. By type, and by property.
FOR_PROPERTIES = {
    "AWS::Lambda::Function": {
        "VpcConfig": ["ec2:.*"],
        "FileSystemConfigs": ["elasticfilesystem:.*", "s3files:.*"],
        "KmsKeyArn": ["kms:.*"],
        "CodeSigningConfigArn": ["lambda:GetCodeSigningConfig", "lambda:(Put|Delete)FunctionCodeSigningConfig"],
        "Layers": ["lambda:GetLayerVersion"],
        "RuntimeManagementConfig": ["lambda:PutRuntimeManagementConfig", "lambda:AssociateRuntimeAlias"],
        "RecursiveLoop": ["lambda:PutFunctionRecursionConfig"],
        "FunctionScalingConfig": ["lambda:PutFunctionScalingConfig"],
        "CapacityProviderConfig": ["lambda:PassCapacityProvider"],
    },
    "AWS::Lambda::Version": {
        "RuntimePolicy": ["lambda:PutRuntimeManagementConfig"],
        "FunctionScalingConfig": ["lambda:PutFunctionScalingConfig"],
    },
    "AWS::Logs::LogGroup": {
        "DataProtectionPolicy": ["logs:(Put|Delete)DataProtectionPolicy", r"s3:REST\.PUT\.OBJECT", "firehose:.*"],
        "FieldIndexPolicies": ["logs:(Put|Delete)IndexPolicy"],
        "ResourcePolicyDocument": ["logs:DeleteResourcePolicy"],
        "KmsKeyId": ["logs:(Associate|Disassociate)KmsKey"],
        "DeletionProtectionEnabled": ["logs:PutLogGroupDeletionProtection"],
        "BearerTokenAuthenticationEnabled": ["logs:PutBearerTokenAuthentication"],
    },
    "AWS::SNS::Topic": {"DataProtectionPolicy": ["sns:PutDataProtectionPolicy"], "DeliveryStatusLogging": ["iam:GetRole", "iam:PassRole"]},
    "AWS::IAM::ManagedPolicy": {"Groups": ["iam:(Attach|Detach)GroupPolicy"], "Users": ["iam:(Attach|Detach)UserPolicy"]},
    "AWS::CodeDeploy::DeploymentGroup": {"OnPremisesInstanceTagFilters": ["codedeploy:RegisterOnPremisesInstance"]},
    "AWS::ApiGatewayV2::Api": {"BodyS3Location": ["s3:getObject"]},
    "AWS::Cognito::UserPool": {
        "Schema": ["cognito-idp:AddCustomAttributes"],
        "LambdaConfig": ["kms:.*"],
        "SmsConfiguration": ["iam:PassRole"],
        "EmailConfiguration": ["iam:CreateServiceLinkedRole"],
    },
    "AWS::Cognito::UserPoolClient": {
        "AnalyticsConfiguration": ["iam:PassRole", "iam:PutRolePolicy", "iam:DeleteRolePolicy", "iam:CreateServiceLinkedRole"],
    },
    "AWS::ApplicationAutoScaling::ScalableTarget": {
        "RoleARN": ["iam:PassRole"],
        # Only for scaling by a metric. The stack scales by the clock.
        "ScalingPolicies": ["cloudwatch:.*"],
    },
}
# What must not be allowed, or cannot be, although a schema names it.
NEVER = {
    "iam:DeleteRolePermissionsBoundary": "it would free a role from the boundary",
    "cognito-idp:DeleteUserPool": "the pool outlives the stack, and the right could not be limited to it",
    "apigateway:TagResource": "IAM has no such action: tags are resources of their own",
    "apigateway:UntagResource": "the same",
}
# What the stack needs besides, and why.
BESIDES = {
    # The access log of API Gateway, as its documentation says.
    "logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:GetLogDelivery", "logs:ListLogDeliveries", "logs:UpdateLogDelivery",
}  # fmt: skip
# The actions for which AWS knows no resources, or which are asked before there is one.
EVERYWHERE = {
    "cloudformation:GetTemplateSummary", "application-autoscaling:DescribeScalableTargets", "application-autoscaling:DescribeScheduledActions",
    "cognito-idp:CreateUserPool", "logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:DescribeResourcePolicies", "logs:GetLogDelivery",
    "logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:UpdateLogDelivery",
    # In the boundary. X-Ray has no resources. CodeDeploy's own policy names no alarm.
    "xray:PutTraceSegments", "xray:PutTelemetryRecords", "cloudwatch:DescribeAlarms",
}  # fmt: skip
OF_CODEDEPLOY = {"iam:PermissionsBoundary": BOUNDARY, "iam:PolicyARN": LIMITED}
PASSED_TO = {"AWS::Lambda::Function": "lambda", "AWS::Scheduler::Schedule": "scheduler", "AWS::CodeDeploy::DeploymentGroup": "codedeploy"}


def filled(value, names):
    """A value of deployer.yaml with its references replaced."""
    if isinstance(value, dict):
        if value.keys() == {"Ref"}:
            return names[value["Ref"]]
        if value.keys() == {"Fn::GetAtt"}:
            target = value["Fn::GetAtt"]
            return names[target if isinstance(target, str) else ".".join(target)]
        if value.keys() == {"Fn::Sub"}:
            return re.sub(r"\$\{([\w:.]+)\}", lambda found: names[found[1]], value["Fn::Sub"])
        if value.keys() == {"Fn::If"}:
            condition, yes, no = value["Fn::If"]
            return filled(yes if names[condition] else no, names)
        return {name: filled(of, names) for name, of in value.items()}
    if isinstance(value, list):
        return [it for it in (filled(item, names) for item in value) if it is not None]
    return value


def listed(value):
    return value if isinstance(value, list) else [value]


def fits(text, pattern, ignore_case=False):
    """Whether a text is what IAM's pattern says: * and ? stand for anything, also for slashes and colons."""
    escaped = pattern.replace("[", "[[]")
    return fnmatch.fnmatchcase(text.lower(), escaped.lower()) if ignore_case else fnmatch.fnmatchcase(text, escaped)


# `ForAllValues` is for a key with a list of values. It also holds for a request without the key.
OPERATORS = {
    "StringEquals": lambda seen, wanted: seen in wanted,
    "ArnLike": lambda seen, wanted: any(fits(seen, one) for one in wanted),
    "Bool": lambda seen, wanted: str(seen).lower() in [str(one).lower() for one in wanted],
    "ForAllValues:StringLike": lambda seen, wanted: all(any(fits(each, one) for one in wanted) for each in seen),
}


def holds(condition, context):
    """Whether all conditions of a statement hold. A key that the request does not have fits nothing."""
    for operator, keys in condition.items():
        for key, wanted in keys.items():
            if key not in context and operator.startswith("ForAllValues:"):
                continue
            if key not in context or not OPERATORS[operator](context[key], listed(wanted)):
                return False
    return True


def allows(statements, action, resource, context=None):
    """Whether these statements allow an action on a resource."""
    effects = {
        it["Effect"]
        for it in statements
        if any(fits(action, one, ignore_case=True) for one in listed(it["Action"]))
        and any(fits(resource, one) for one in listed(it["Resource"]))
        and holds(it.get("Condition", {}), context or {})
    }
    return effects == {"Allow"}


class Deployer:
    """The file with some parameters."""

    def __init__(self, file, own_pool=True, key=""):
        resources = read(file)["Resources"]
        names = {
            "AWS::Partition": PARTITION, "AWS::Region": REGION, "AWS::AccountId": ACCOUNT, "AWS::URLSuffix": "amazonaws.com",
            "AWS::NoValue": None, "StackName": STACK, "SecretNames": "tokenmint/*", "SecretsKmsKeyArn": key, "HasOwnUserPool": own_pool,
            "HasSecretsKmsKey": bool(key), "Boundary": BOUNDARY, "Artifacts.Arn": BUCKET, "CloudFormationRole.Arn": ROLE,
        }  # fmt: skip
        document = lambda it: filled(it["PolicyDocument"]["Statement"], names)  # noqa: E731
        self.boundary = document(resources["Boundary"]["Properties"])
        self.person = document(resources["Deploy"]["Properties"])
        self.formation = [it for policy in resources["CloudFormationRole"]["Properties"]["Policies"] for it in document(policy)]
        self.trust = resources["CloudFormationRole"]["Properties"]["AssumeRolePolicyDocument"]
        self.all = [*self.boundary, *self.person, *self.formation]


def deployed(**given):
    """The resources of template.yaml, with every parameter that adds some."""
    source = expanded(ROOT / "template.yaml")
    for resource in source["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://functions/code"
    parameters = {
        "AgoraSecretArn": SECRET, "ZegoSecretArn": SECRET, "DropIn": "true", "Classrooms": "true", "AgentTokens": "true",
        "JwtVerifier": "tokenmint", "ProvisionedPeak": "2", "ProvisionedConcurrency": "1", "ReservedConcurrency": "5",
        "AlarmEmail": "us@example.com", "PermissionsBoundaryArn": BOUNDARY,
    }  # fmt: skip
    return answer(source, parameters | given, {}, {})["template"]["Resources"]


def arn(resource_type, logical_id, action):
    """An ARN as a resource of the stack has it, for an action on it."""
    name, here = f"{STACK}-{logical_id}-ABC", f"{REGION}:{ACCOUNT}"
    service, verb = action.split(":")
    if service == "iam":
        if verb == "CreateServiceLinkedRole":
            linked = "lambda.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_LambdaConcurrency"
            return f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/{linked}"
        policies = "Policy" in verb and "RolePolic" not in verb and "AttachedRole" not in verb
        policies = policies or verb in ("ListPolicyVersions", "ListEntitiesForPolicy")
        return f"arn:aws:iam::{ACCOUNT}:{'policy' if policies else 'role'}/{name}"
    if service == "codedeploy":
        if verb == "GetDeploymentConfig":
            return f"arn:aws:codedeploy:{here}:deploymentconfig:CodeDeployDefault.LambdaCanary10Percent5Minutes"
        group = resource_type != "AWS::CodeDeploy::Application" and verb not in ("GetApplicationRevision", "RegisterApplicationRevision")
        return f"arn:aws:codedeploy:{here}:" + (f"deploymentgroup:{name}/{name}" if group else f"application:{name}")
    if service == "cloudwatch":
        dashboards = resource_type == "AWS::CloudWatch::Dashboard"
        return f"arn:aws:cloudwatch::{ACCOUNT}:dashboard/{name}" if dashboards else f"arn:aws:cloudwatch:{here}:alarm:{name}"
    if service == "logs":
        group = f"/aws/lambda/{STACK}/{logical_id}" if logical_id != "ApiLogs" else f"/aws/vendedlogs/{STACK}/api"
        return f"arn:aws:logs:{here}:log-group::log-stream:" if verb == "DescribeLogGroups" else f"arn:aws:logs:{here}:log-group:{group}"
    return {
        "lambda": f"arn:aws:lambda:{here}:function:{name}",
        "s3": f"{BUCKET}/{STACK}/0123",
        "sqs": f"arn:aws:sqs:{here}:{name}",
        "sns": f"arn:aws:sns:{here}:{name}",
        "scheduler": f"arn:aws:scheduler:{here}:schedule/default/{name}",
        "apigateway": f"arn:aws:apigateway:{REGION}::/apis/abc123",
        "cognito-idp": f"arn:aws:cognito-idp:{here}:userpool/{REGION}_abc",
        "application-autoscaling": f"arn:aws:application-autoscaling:{here}:scalable-target/0ab",
    }[service]


def context(resource_type):
    """What a request says besides, when CloudFormation makes it for a resource of the stack."""
    return {
        "iam:PermissionsBoundary": BOUNDARY,
        "iam:PolicyARN": f"arn:aws:iam::{ACCOUNT}:policy/{STACK}-SendTraces-ABC",
        "iam:PassedToService": f"{PASSED_TO.get(resource_type, 'no')}.amazonaws.com",
        "iam:AWSServiceName": "lambda.application-autoscaling.amazonaws.com",
        "application-autoscaling:service-namespace": "lambda",
        "cloudwatch:AlarmActions": [f"arn:aws:sns:{REGION}:{ACCOUNT}:{STACK}-AlarmTopic-ABC"],
    }


def handlers(resource_type):
    found = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, resource_type).schema["handlers"]
    return {action for verb, handler in found.items() if verb != "list" for action in handler["permissions"]}


def needed(resources):
    """What each resource takes: (type, logical id, action)."""
    for logical_id, resource in resources.items():
        resource_type, has = resource["Type"], set(resource["Properties"])
        tables = FOR_PROPERTIES.get(resource_type, {})
        without = [pattern for name, patterns in tables.items() if name not in has for pattern in patterns]
        for action in sorted(handlers(resource_type)):
            if action not in NEVER and not any(re.fullmatch(pattern, action) for pattern in without):
                yield resource_type, logical_id, action


def missing(deployer, resources):
    for resource_type, logical_id, action in needed(resources):
        if resource_type == "AWS::IAM::Role" and not resources[logical_id]["Properties"].get("PermissionsBoundary"):
            yield f"{logical_id} has no boundary"
        target = "*" if action in EVERYWHERE - {"cloudwatch:DescribeAlarms"} else arn(resource_type, logical_id, action)
        if not allows(deployer.formation, action, target, context(resource_type)):
            yield f"{logical_id}: {action} on {target}"
    if not allows(deployer.formation, "iam:AttachRolePolicy", arn("AWS::IAM::Role", "CodeDeployRole", "iam:AttachRolePolicy"), OF_CODEDEPLOY):
        yield "the policy of AWS for CodeDeploy"


def superfluous(deployer, resources):
    wanted = {action.lower() for _, _, action in needed(resources)} | {action.lower() for action in BESIDES}
    for statement in deployer.formation:
        for action in listed(statement["Action"]):
            if "*" in action or action.lower() not in wanted:
                yield action


def wide(deployer):
    """Statements for all resources, with an action that AWS can limit."""
    for statement in deployer.all:
        if statement["Effect"] != "Allow" or {"NotAction", "NotResource"} & statement.keys():
            yield json.dumps(statement)
        if any(resource == "*" for resource in listed(statement["Resource"])):
            yield from (action for action in listed(statement["Action"]) if action not in EVERYWHERE)


def unbounded(deployer, resources):
    """What a role of the stack may do, and the boundary does not allow. The role could then not work."""
    for logical_id, resource in resources.items():
        if resource["Type"] != "AWS::IAM::Role":
            continue
        documents = [policy["PolicyDocument"] for policy in listed(resource["Properties"].get("Policies", []))]
        for attached in listed(resource["Properties"].get("ManagedPolicyArns", [])):
            documents.append(managed(attached, resources))
        for other in resources.values():
            if other["Type"] == "AWS::IAM::ManagedPolicy" and {"Ref": logical_id} in listed(other["Properties"].get("Roles", [])):
                documents.append(other["Properties"]["PolicyDocument"])
        for document in documents:
            for statement in listed(document["Statement"]):
                for action in listed(statement["Action"]):
                    for target in listed(statement["Resource"]):
                        yield from cut(deployer, logical_id, action, target, resources)


def managed(attached, resources):
    """The document of a policy of the stack, or of the one that AWS wrote for CodeDeploy."""
    if isinstance(attached, dict):
        return resources[attached["Ref"]]["Properties"]["PolicyDocument"]
    assert attached == LIMITED, attached
    return json.loads(aws_managed_policies_data)[attached.rsplit("/", 1)[1]]["Document"]


def cut(deployer, logical_id, action, target, resources):
    service = action.split(":")[0]
    # The deployments have no hooks and no files, so CodeDeploy's role does not take these.
    if isinstance(target, str) and (service == "s3" or "CodeDeployHook_" in target):
        return
    ours = target
    if isinstance(target, dict):
        # A function's alias, a queue or a log group of the stack.
        name = target["Ref"] if "Ref" in target else target["Fn::GetAtt"][0]
        ours = arn(resources[name]["Type"], name if service != "logs" else name.removesuffix("Logs"), action)
    elif target == "*" and service == "lambda":
        ours = arn("AWS::Lambda::Function", "RtcToken", action)
    if not allows(deployer.boundary, action, ours, {"kms:ViaService": f"secretsmanager.{REGION}.amazonaws.com"}):
        yield f"{logical_id}: {action} on {ours}"


def escapes(deployer):
    """Ways to more rights. Each must be closed."""
    role, own = f"arn:aws:iam::{ACCOUNT}:role/{STACK}-RtcTokenRole-ABC", {"iam:PermissionsBoundary": BOUNDARY}
    admin, other = "arn:aws:iam::aws:policy/AdministratorAccess", f"arn:aws:iam::{ACCOUNT}:role/admin"
    here = f"{REGION}:{ACCOUNT}"
    alarm, topic = f"arn:aws:cloudwatch:{here}:alarm:{STACK}-x", f"arn:aws:sns:{here}:{STACK}-AlarmTopic-ABC"
    function = f"arn:aws:lambda:{here}:function:billing"
    for what, action, target, request in [
        ("a role without a boundary", "iam:CreateRole", role, {}),
        ("a role with another boundary", "iam:CreateRole", role, {"iam:PermissionsBoundary": admin}),
        ("a role with another name", "iam:CreateRole", other, own),
        ("a role of this file", "iam:PutRolePolicy", ROLE, own),
        ("this file's own role's trust", "iam:UpdateAssumeRolePolicy", ROLE, own),
        ("no boundary any more", "iam:DeleteRolePermissionsBoundary", role, own),
        ("another boundary", "iam:PutRolePermissionsBoundary", role, {"iam:PermissionsBoundary": admin}),
        ("an administrator's policy", "iam:AttachRolePolicy", role, own | {"iam:PolicyARN": admin}),
        ("a policy in a role without the boundary", "iam:PutRolePolicy", role, {}),
        ("a wider boundary", "iam:CreatePolicyVersion", BOUNDARY, {}),
        ("a wider policy for the person", "iam:CreatePolicyVersion", POLICY, {}),
        ("another role for a function", "iam:PassRole", other, {"iam:PassedToService": "lambda.amazonaws.com"}),
        ("this file's role for a function", "iam:PassRole", ROLE, {"iam:PassedToService": "lambda.amazonaws.com"}),
        ("a role of the stack for another service", "iam:PassRole", role, {"iam:PassedToService": "ec2.amazonaws.com"}),
        ("a user", "iam:CreateUser", f"arn:aws:iam::{ACCOUNT}:user/{STACK}-x", own),
        ("a key", "iam:CreateAccessKey", f"arn:aws:iam::{ACCOUNT}:user/admin", {}),
        ("a secret", "secretsmanager:GetSecretValue", SECRET, {}),
        ("another function", "lambda:UpdateFunctionCode", function, {}),
        ("another function's role", "lambda:UpdateFunctionConfiguration", function, {}),
        ("an alarm that stops a server", "cloudwatch:PutMetricAlarm", alarm, {"cloudwatch:AlarmActions": [f"arn:aws:automate:{REGION}:ec2:stop"]}),
        ("an alarm that starts a function", "cloudwatch:PutMetricAlarm", alarm, {"cloudwatch:AlarmActions": [topic, function]}),
        ("a domain of the API", "apigateway:POST", f"arn:aws:apigateway:{REGION}::/domainnames", {}),
        ("a user pool", "cognito-idp:DeleteUserPool", f"arn:aws:cognito-idp:{here}:userpool/x", {}),
        ("another log group", "logs:DeleteLogGroup", f"arn:aws:logs:{here}:log-group:/aws/lambda/billing", {}),
        ("the other code in the bucket", "s3:GetObject", f"{BUCKET}/other/0123", {}),
    ]:
        if allows(deployer.formation, action, target, request):
            yield f"CloudFormation gets {what}: {action}"
    for what, action, target, request in [
        ("another stack", "cloudformation:CreateChangeSet", f"arn:aws:cloudformation:{here}:stack/{STACK}-staging/1", {}),
        ("this file's stack", "cloudformation:DeleteStack", f"arn:aws:cloudformation:{here}:stack/{DEPLOYER}/1", {}),
        ("a stack without protection", "cloudformation:UpdateTerminationProtection", f"arn:aws:cloudformation:{here}:stack/{STACK}/1", {}),
        ("another role for CloudFormation", "iam:PassRole", other, {"iam:PassedToService": "cloudformation.amazonaws.com"}),
        ("CloudFormation's role for a function", "iam:PassRole", ROLE, {"iam:PassedToService": "lambda.amazonaws.com"}),
        ("CloudFormation's role", "sts:AssumeRole", ROLE, {}),
        ("a role", "iam:CreateRole", role, own),
        ("a secret", "secretsmanager:GetSecretValue", SECRET, {}),
        ("a function", "lambda:UpdateFunctionCode", f"arn:aws:lambda:{here}:function:{STACK}-RtcToken-ABC", {}),
        ("another folder", "s3:PutObject", f"{BUCKET}/other/0123", {}),
        ("another bucket", "s3:GetObject", "arn:aws:s3:::billing/0123", {}),
    ]:
        if allows(deployer.person, action, target, request):
            yield f"who deploys gets {what}: {action}"


def locked_out(deployer):
    """What the person needs for `make deploy`, and does not get."""
    stack = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{STACK}/1"
    passed = {"iam:PassedToService": "cloudformation.amazonaws.com"}
    changes = ["CreateChangeSet", "DescribeChangeSet", "ExecuteChangeSet", "DeleteChangeSet", "DescribeStacks", "DescribeStackEvents", "DeleteStack"]
    asked = [(f"cloudformation:{verb}", stack, {}) for verb in [*changes, "ListStackResources", "CancelUpdateStack", "GetTemplate"]]
    asked += [
        ("cloudformation:CreateChangeSet", f"arn:aws:cloudformation:{REGION}:aws:transform/Serverless-2016-10-31", {}),
        ("cloudformation:GetTemplateSummary", "*", {}),
        ("iam:PassRole", ROLE, passed),
        ("s3:PutObject", f"{BUCKET}/{STACK}/0123", {}),
        ("s3:GetObject", f"{BUCKET}/{STACK}/0123.template", {}),
        ("s3:ListBucket", BUCKET, {}),
    ]
    return [f"{action} on {target}" for action, target, request in asked if not allows(deployer.person, action, target, request)]


def stale(resources):
    """Entries of the tables above that no schema of the stack's types names."""
    actions = set().union(*(handlers(it["Type"]) for it in resources.values()))
    for resource_type, tables in FOR_PROPERTIES.items():
        for pattern in (pattern for patterns in tables.values() for pattern in patterns):
            if not any(re.fullmatch(pattern, action) for action in handlers(resource_type)):
                yield f"{resource_type}: {pattern}"
    yield from NEVER.keys() - actions


def judged(file, resources, encrypted, of_others):
    deployer, with_key, others = Deployer(file), Deployer(file, key=KEY), Deployer(file, own_pool=False)
    pools = [action for it in others.formation for action in listed(it["Action"]) if action.startswith("cognito-idp:")]
    trusted = [str(it["Principal"]) for it in deployer.trust["Statement"]]
    return {
        "CloudFormation lacks": sorted(set(missing(deployer, resources))),
        "CloudFormation lacks, with another issuer": sorted(set(missing(others, of_others))),
        "CloudFormation does not need": sorted(set(superfluous(deployer, resources))),
        "without a user pool, CloudFormation gets": pools,
        "for all resources": sorted(set(wide(deployer))),
        "the boundary takes from a role of the stack": sorted(set(unbounded(deployer, resources))),
        "the boundary takes from a role, with a key for the secrets": sorted(set(unbounded(with_key, encrypted))),
        "a way to more rights": sorted(escapes(deployer)),
        "who deploys lacks": locked_out(deployer),
        "others who may take the role": [who for who in trusted if who != str({"Service": "cloudformation.amazonaws.com"})],
        "old entries in the tables of this test": sorted(stale(resources)),
    }


def main():
    # The translator warns that nobody collects its metrics.
    logging.disable(logging.WARNING)
    stacks = deployed(), deployed(SecretsKmsKeyArn=KEY), deployed(JwtIssuer="https://id.example.com/", JwtAudience="app")
    print(json.dumps([judged(file, *stacks) for file in sys.argv[1:]]))


if __name__ == "__main__":
    main()
