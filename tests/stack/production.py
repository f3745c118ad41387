"""A day in production, on this machine: walks the pages for operators as they are written, and looks at the results. Prints a line for each
thing that was shown. Ends at the first failure."""

import json
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/stack"), str(ROOT / "tools/stack"), str(ROOT / "tools")]

from botocore.exceptions import ClientError  # noqa: E402
from document import blocks  # noqa: E402
from emulator import password  # noqa: E402
from test import DEMO, NAME, OTHER_AGORA, Stack, alias, claims, from_the_page, run, secrets, sign_in  # noqa: E402

STAGING, DOMAIN = "tokenmint-staging", "tokens.example.com"
# The project of staging.
STAGED_AGORA = {"app_id": "e" * 32, "app_certificate": "fedcba9876543210" * 2}
# `cat` ends with Ctrl-D at the beginning of a line.
TYPED = "{}\n\x04"


def page(rows, name, count):
    """The blocks of a page that run here."""
    found = [block for _, block in blocks(ROOT / f"docs/how-to/{name}.md")]
    rows.same(f"{name}.md has {count} blocks to walk", len(found), count)
    return found


def aside(stack, shell, block, typed=""):
    """Runs a block that writes a file. It does so outside of the repository, because two runs must not meet. `typed`: what `cat` gets."""
    shell.run(f"cd {stack.emulator.folder}")
    printed = shell.run(block, TYPED.format(json.dumps(typed)) if typed else "")
    shell.run(f"cd {ROOT}")
    return printed


def left(stack):
    """The files with a key that a block has left."""
    return [it.name for it in Path(stack.emulator.folder).glob("agora*")]


def refusal(call, **arguments):
    """The error's name, or None."""
    try:
        call(**arguments)
    except ClientError as refused:
        return refused.response["Error"]["Code"]
    return None


def app_id(stack, jwt):
    return stack.token("GET", "/rtc/demo/token", jwt=jwt)[1]["app_id"]


def soon(rows, what, seen, expected):
    """A row for something that becomes true within half a minute."""
    ends, found = time.monotonic() + 30, seen()
    while found != expected and time.monotonic() < ends:
        time.sleep(1.1)
        found = seen()
    rows.same(what, found, expected)


def staging(rows, stack, shell, jwt):
    store, deploy, both = page(rows, "staging", 3)
    aside(stack, shell, store, STAGED_AGORA)
    printed = shell.run(deploy)
    rows.row("a second stack in the region", "Successfully created/updated stack - tokenmint-staging" in printed, printed[-1500:])
    printed = shell.run(both)
    rows.row("both stacks are complete", printed.count("_COMPLETE\thttp://") == 2, printed)
    staged = Stack(stack.emulator, STAGING)
    # Versions, aliases and permissions have ids within their function.
    shared = {it for it in set(stack.ids.values()) & set(staged.ids.values()) if it != "$default"}
    rows.same("they share no resource", shared, set())
    empty = [kind for kind, names in staged.parts().items() if not names]
    rows.same("staging has one of each kind of its own, also a schedule", empty, [])
    secret = password()
    cognito, pool = stack.client("cognito-idp"), staged.outputs["UserPoolId"]
    cognito.admin_create_user(UserPoolId=pool, Username="alice", MessageAction="SUPPRESS")
    cognito.admin_set_user_password(UserPoolId=pool, Username="alice", Password=secret, Permanent=True)
    staged_jwt = sign_in(staged, secret)["access_token"]
    rows.same("staging's users get tokens of staging's project", app_id(staged, staged_jwt), STAGED_AGORA["app_id"])
    rows.same("production's users get tokens of production's", app_id(stack, jwt), DEMO["agora"]["app_id"])
    rows.same("staging's JWT opens nothing in production: 401", stack.status("GET", "/rtc/demo/token", jwt=staged_jwt), 401)
    return staged


def update(rows, stack, shell, jwt):
    keep, change, back, earlier = page(rows, "update-and-roll-back", 4)
    aside(stack, shell, keep)
    kept = Path(stack.emulator.folder) / "parameters-before.json"
    parameters = {it["ParameterKey"]: it["ParameterValue"] for it in json.loads(kept.read_text())}
    rows.same("the parameters are kept", (parameters["MaxTokenTtlSeconds"], parameters["AgoraSecretArn"]), ("3600", secrets(stack)["agora"]))
    lives = lambda: stack.token("GET", "/rtc/demo/token", jwt=jwt)[1]["expires_in"]  # noqa: E731
    before = alias(stack, "RtcToken")
    shell.run(change)
    rows.row("an update makes a new version", alias(stack, "RtcToken") != before)
    rows.same("and the new setting holds", lives(), 600)
    fails(rows, stack)
    rows.same("and the functions go on as before it", lives(), 600)
    shell.run(back)
    rows.same("the earlier value is back", lives(), 3600)
    earlier_version(rows, stack, jwt)
    manager = stack.client("secretsmanager")
    manager.put_secret_value(SecretId="tokenmint/agora", SecretString=json.dumps(OTHER_AGORA))
    stack.deploy("CredentialsTtlSeconds=1")
    rows.same("a new secret is in use", app_id(stack, jwt), OTHER_AGORA["app_id"])
    shell.run(earlier)
    soon(rows, "the earlier secret is in use again", lambda: app_id(stack, jwt), DEMO["agora"]["app_id"])


def fails(rows, stack):
    """An update with a resource that cannot be made: the zone has this record already."""
    zones = stack.client("route53").list_hosted_zones()["HostedZones"]
    record = f'{{ Name: example.com., HostedZoneId: {zones[0]["Id"].rsplit("/")[-1]}, Type: NS, TTL: 60, ResourceRecords: [ns.example.com.] }}'
    written = (ROOT / "template.yaml").read_text()
    failing = f"Resources:\n  Fails: {{ Type: AWS::Route53::RecordSet, DependsOn: Api, Properties: {record} }}\n"
    file = Path(stack.emulator.folder) / "failing.yaml"
    file.write_text(written.replace("\nResources:\n", f"\n{failing}", 1))
    done = stack.make_deploy("MaxTokenTtlSeconds=900", STACK_TEMPLATE=str(file))
    rows.row("an update that cannot be made fails", done.returncode != 0, done.stdout[-1500:])
    [said] = stack.formation.describe_stacks(StackName=NAME)["Stacks"]
    rows.same("CloudFormation goes back by itself", said["StackStatus"], "UPDATE_ROLLBACK_COMPLETE")


def parameters_of(stack):
    [said] = stack.formation.describe_stacks(StackName=NAME)["Stacks"]
    return {it["ParameterKey"]: it["ParameterValue"] for it in said["Parameters"]}


def earlier_version(rows, stack, jwt):
    """A template that does not know a parameter of ours."""
    stack.deploy("SlowMilliseconds=900")
    written = (ROOT / "template.yaml").read_text()
    head, rest = written.split("  SlowMilliseconds:\n", 1)
    rest = rest[rest.index("  LogRetentionDays:\n"):].replace("!Ref SlowMilliseconds", "1000")
    file = Path(stack.emulator.folder) / "earlier.yaml"
    file.write_text(head.replace("SlowMilliseconds, ", "") + rest)
    done = stack.make_deploy("MintsPerMinute=61", STACK_TEMPLATE=str(file))
    rows.same("an earlier version deploys", done.returncode, 0)
    rows.same("it keeps the parameters that it knows", parameters_of(stack)["AgoraSecretArn"], secrets(stack)["agora"])
    rows.row("and forgets the others", "SlowMilliseconds" not in parameters_of(stack), parameters_of(stack))
    rows.same("it mints", stack.status("GET", "/rtc/demo/token", jwt=jwt), 200)
    stack.deploy("MintsPerMinute=60")
    rows.same("back in the new version, a forgotten parameter has its default", parameters_of(stack)["SlowMilliseconds"], "1000")


def rotate(rows, stack, shell, jwt):
    store, hurry = page(rows, "rotate-a-secret", 2)
    aside(stack, shell, store, OTHER_AGORA)
    rows.same("no file with a key is left", left(stack), [])
    printed = shell.run(hurry)
    rows.row("a round of warm-ups comes when it is called", '"failed":0' in printed.replace(" ", ""), printed)
    soon(rows, "the rotated secret is in use", lambda: app_id(stack, jwt), OTHER_AGORA["app_id"])


def stop(rows, stack, shell, jwt):
    names, forbid, check, permit, slow, slow_route, replace = page(rows, "stop-minting", 7)
    printed = shell.run(names).split()
    functions, client = [it for it in printed if it in stack.ids.values() and it != stack.ids["Api"]], stack.client("lambda")
    minters = sorted(value for name, value in stack.ids.items() if f"{name}Role" in stack.ids and name != "Prewarm" and not name.endswith("Schedule"))
    rows.same("`minters` lists every function with a secret, and no other", sorted(functions), minters)
    rows.row("`api` is the API", printed[-1] == stack.ids["Api"], printed)
    limits = lambda: {client.get_function_concurrency(FunctionName=it).get("ReservedConcurrentExecutions") for it in functions}  # noqa: E731
    shell.run(forbid)
    rows.same("each of them may run no execution", limits(), {0})
    rows.same("and the check says so", shell.run(check).split(), ["0"] * len(functions))
    shell.run(permit)
    rows.same("they may run again", limits(), {None})
    rows.same("and mint", stack.status("GET", "/rtc/demo/token", jwt=jwt), 200)
    settings = lambda: stack.client("apigatewayv2").get_stage(ApiId=stack.ids["Api"], StageName="$default")  # noqa: E731
    shell.run(slow)
    rows.same("all routes are slow", settings()["DefaultRouteSettings"]["ThrottlingRateLimit"], 1)
    shell.run(slow_route)
    rows.same("one route is slow", settings()["RouteSettings"]["GET /rtm/{user_id}/token"]["ThrottlingRateLimit"], 1)
    shell.run(slow.replace("RateLimit=1,", "RateLimit=100,").replace("BurstLimit=1,", "BurstLimit=200,"))
    rows.same("the same command with the old numbers undoes it", settings()["DefaultRouteSettings"]["ThrottlingBurstLimit"], 200)
    aside(stack, shell, replace, DEMO["agora"])
    soon(rows, "the replaced secret is in use", lambda: app_id(stack, jwt), DEMO["agora"]["app_id"])


def closed(stack):
    return stack.client("apigatewayv2").get_api(ApiId=stack.ids["Api"])["DisableExecuteApiEndpoint"]


def at_domain(stack, jwt):
    return stack.ask_once("GET", "/rtc/demo/token", jwt=jwt, headers={"Host": DOMAIN})[0]


def domain(rows, stack, shell, jwt):
    make, close, remove = page(rows, "custom-domain", 3)
    gateway = stack.client("apigatewayv2")
    rows.same("before: nothing answers at the domain", at_domain(stack, jwt), 403)
    shell.run(make)
    [said] = gateway.get_domain_name(DomainName=DOMAIN)["DomainNameConfigurations"]
    rows.same("the domain takes TLS 1.2 and newer", (said["EndpointType"], said["SecurityPolicy"]), ("REGIONAL", "TLS_1_2"))
    certificate = stack.client("acm").describe_certificate(CertificateArn=said["CertificateArn"])["Certificate"]
    rows.same("its certificate is for this name", (certificate["DomainName"], certificate["Status"]), (DOMAIN, "ISSUED"))
    leads = {it["Name"]: it["AliasTarget"]["DNSName"].rstrip(".") for it in records(stack) if "AliasTarget" in it}
    rows.same("Route 53 leads the name there", leads, {f"{DOMAIN}.": said["ApiGatewayDomainName"]})
    rows.same("a user gets a token there", at_domain(stack, jwt), 200)
    rows.same("without a JWT: 401", at_domain(stack, None), 401)
    shell.run(close)
    rows.same("DefaultAddress=closed switches the API's own address off", closed(stack), True)
    rows.same("the domain still leads to the API", at_domain(stack, jwt), 200)
    shell.run(remove)
    rows.same("DefaultAddress=open switches it on", closed(stack), False)
    rows.same("the domain is gone", refusal(gateway.get_domain_name, DomainName=DOMAIN), "NotFoundException")
    rows.same("and its record", [it["Name"] for it in records(stack) if "AliasTarget" in it], [])


def records(stack):
    zones = stack.client("route53").list_hosted_zones()["HostedZones"]
    return stack.client("route53").list_resource_record_sets(HostedZoneId=zones[0]["Id"])["ResourceRecordSets"]


def edge(rows, stack, shell):
    origin, front, close, remove = page(rows, "limit-by-address", 4)
    shell.run(origin)
    name = shell.value("ORIGIN")
    gateway, cloudfront = stack.client("apigatewayv2"), stack.client("cloudfront")
    [said] = gateway.get_domain_name(DomainName=name)["DomainNameConfigurations"]
    certificate = stack.client("acm").describe_certificate(CertificateArn=said["CertificateArn"])["Certificate"]
    rows.same("the origin's certificate does not tell the origin's name", certificate["DomainName"], "*.example.com")
    # In the stack's own region it would fail halfway.
    command = ["aws", "cloudformation", "deploy", "--stack-name", "elsewhere", "--template-file", "deploy/edge.yaml"]
    command += ["--parameter-overrides", f"DomainName={DOMAIN}", f"Origin={name}"]
    done = subprocess.run(command, cwd=ROOT, env=stack.emulator.programs(), capture_output=True, text=True)
    rows.row("deploy/edge.yaml is refused outside of us-east-1", "Deploy this template in us-east-1" in done.stderr, done.stderr)
    shell.run(front)
    [listed] = cloudfront.list_distributions()["DistributionList"]["Items"]
    config = cloudfront.get_distribution_config(Id=listed["Id"])["DistributionConfig"]
    behavior = config["DefaultCacheBehavior"]
    rows.same("CloudFront asks the origin alone", [it["DomainName"] for it in config["Origins"]["Items"]], [name])
    disabled, all_but_host = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad", "b689b0a8-53d0-40ab-baf2-68738e2966ac"
    rows.same("it caches nothing, and hands on every header but Host", (behavior["CachePolicyId"], behavior["OriginRequestPolicyId"]), (disabled, all_but_host))
    kept = {it["ErrorCode"]: int(it["ErrorCachingMinTTL"]) for it in config["CustomErrorResponses"]["Items"]}
    rows.same("it keeps no error", kept, dict.fromkeys([400, 403, 404, 405, 414, 500, 501, 502, 503, 504], 0))
    rows.row("it takes GET, POST and OPTIONS", {"GET", "POST", "OPTIONS"} <= set(behavior["AllowedMethods"]["Items"]), behavior)
    firewall = stack.emulator.client("wafv2", "us-east-1")
    [acl] = firewall.list_web_acls(Scope="CLOUDFRONT")["WebACLs"]
    rows.same("the limits are attached", config["WebACLId"], acl["ARN"])
    [rule] = firewall.get_web_acl(Name=acl["Name"], Id=acl["Id"], Scope="CLOUDFRONT")["WebACL"]["Rules"]
    counted = rule["Statement"]["RateBasedStatement"]
    # CloudFormation makes a number of a parameter. The emulator keeps the text.
    rows.same("an address gets 100 requests a minute", (int(counted["Limit"]), counted["AggregateKeyType"]), (100, "IP"))
    rows.same("and 429 for more", rule["Action"]["Block"]["CustomResponse"]["ResponseCode"], 429)
    rows.same("no request is sampled", rule["VisibilityConfig"]["SampledRequestsEnabled"], False)
    shell.run(close)
    rows.same("the API's own address is closed", closed(stack), True)
    shell.run(remove)
    rows.same("it is open again", closed(stack), False)
    still = cloudfront.list_distributions()["DistributionList"].get("Items", []), firewall.list_web_acls(Scope="CLOUDFRONT")["WebACLs"]
    rows.same("no distribution and no limits are left", still, ([], []))
    rows.same("and no origin", refusal(gateway.get_domain_name, DomainName=name), "NotFoundException")


def few_rights(rows, stack, shell, jwt):
    admin, first, pipeline = page(rows, "deployer", 3)
    iam, s3 = stack.client("iam"), stack.client("s3")
    iam.create_user(UserName="pipeline")
    key = iam.create_access_key(UserName="pipeline")["AccessKey"]
    printed = shell.run(admin)
    role, bucket, boundary = (shell.value(name) for name in ["ROLE", "BUCKET", "BOUNDARY"])
    rows.row("the administrator learns role, bucket and boundary", all(it and it in printed for it in [role, bucket, boundary]), printed)
    as_pipeline = lambda service: stack.emulator.client(service, key=(key["AccessKeyId"], key["SecretAccessKey"]))  # noqa: E731
    put = {"Bucket": bucket, "Key": f"{NAME}/x", "Body": b"x"}
    rows.same("the bucket takes nothing without TLS", refusal(as_pipeline("s3").put_object, **put), "AccessDenied")
    # The emulator has no TLS.
    s3.delete_bucket_policy(Bucket=bucket)
    printed = shell.run(first)
    rows.row("the administrator deploys with the boundary", "Successfully created/updated stack" in printed, printed[-1500:])
    stack.refresh()
    # The emulator gives no role its boundary. tests/it/template/policies.rs says that each role of the template has it.
    rows.same("the stack has it", parameters_of(stack)["PermissionsBoundaryArn"], boundary)
    rows.same("the functions still mint", stack.status("GET", "/rtc/demo/token", jwt=jwt), 200)
    before = alias(stack, "RtcToken")
    become(shell, key["AccessKeyId"], key["SecretAccessKey"])
    printed = shell.run(pipeline.replace('BOUNDARY"', 'BOUNDARY MintsPerMinute=63"'))
    rows.row("the pipeline deploys with its own credentials", "Successfully created/updated stack" in printed, printed[-1500:])
    become(shell, *(stack.emulator.environment[f"AWS_{part}"] for part in ["ACCESS_KEY_ID", "SECRET_ACCESS_KEY"]))
    rows.row("its change is there", alias(stack, "RtcToken") != before)
    rows.same("and the functions mint", stack.status("GET", "/rtc/demo/token", jwt=jwt), 200)
    refused(rows, stack, as_pipeline, role, bucket)
    of_the_role(rows, stack, role, boundary)


def become(shell, key, secret):
    """The shell has these credentials from now on."""
    shell.run(f"unset AWS_SESSION_TOKEN; export AWS_ACCESS_KEY_ID={key} AWS_SECRET_ACCESS_KEY={secret}")


TRUST = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}]}
ALL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


def refused(rows, stack, client, role, bucket):
    """What the pipeline tries with its own credentials."""
    change = {"ChangeSetName": "other", "UsePreviousTemplate": True, "Capabilities": ["CAPABILITY_IAM"]}
    for what, service, call, arguments in [
        ("change another stack", "cloudformation", "create_change_set", change | {"StackName": STAGING}),
        ("delete another stack", "cloudformation", "delete_stack", {"StackName": STAGING}),
        ("delete the stack with its own rights", "cloudformation", "delete_stack", {"StackName": f"{NAME}-deployer"}),
        ("switch protection off", "cloudformation", "update_termination_protection", {"StackName": NAME, "EnableTerminationProtection": False}),
        ("take CloudFormation's role", "sts", "assume_role", {"RoleArn": role, "RoleSessionName": "pipeline"}),
        ("make a role", "iam", "create_role", {"RoleName": f"{NAME}-x", "AssumeRolePolicyDocument": json.dumps(TRUST)}),
        ("give itself a policy", "iam", "put_user_policy", {"UserName": "pipeline", "PolicyName": "all", "PolicyDocument": json.dumps(ALL)}),
        ("read a secret", "secretsmanager", "get_secret_value", {"SecretId": "tokenmint/agora"}),
        ("invoke a function", "lambda", "invoke", {"FunctionName": stack.ids["RtcToken"]}),
        ("write into another folder", "s3", "put_object", {"Bucket": bucket, "Key": f"{STAGING}/x", "Body": b"x"}),
        ("list the users", "cognito-idp", "list_users", {"UserPoolId": stack.outputs["UserPoolId"]}),
    ]:
        seen = refusal(getattr(client(service), call), **arguments)
        rows.row(f"the pipeline may not {what}", seen in ("AccessDenied", "AccessDeniedException"), seen)


def of_the_role(rows, stack, role, boundary):
    """The emulator makes resources without looking at CloudFormation's role. So a user with the role's policies tries what the role may do. The
    emulator knows no condition on a boundary, and refuses where one is needed: tests/it/template/deployer.py judges those."""
    iam, name = stack.client("iam"), role.rsplit("/", 1)[1]
    iam.create_user(UserName="formation")
    for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
        document = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
        iam.put_user_policy(UserName="formation", PolicyName=policy, PolicyDocument=json.dumps(document))
    key = iam.create_access_key(UserName="formation")["AccessKey"]
    client = lambda service: stack.emulator.client(service, key=(key["AccessKeyId"], key["SecretAccessKey"]))  # noqa: E731
    groups = [f"/aws/lambda/{of}/x" for of in [NAME, STAGING]]
    made = [refusal(client("logs").create_log_group, logGroupName=group) for group in groups]
    rows.same("CloudFormation's role makes log groups of this stack alone", made, [None, "AccessDeniedException"])
    stack.client("logs").delete_log_group(logGroupName=groups[0])
    seen = refusal(client("lambda").get_function, FunctionName=stack.ids["RtcToken"])
    rows.same("it sees the stack's functions", seen, None)
    document = json.dumps(ALL)
    for what, service, call, arguments in [
        ("a function with another name", "lambda", "get_function", {"FunctionName": "billing"}),
        ("a role without the boundary", "iam", "create_role", {"RoleName": f"{NAME}-x", "AssumeRolePolicyDocument": json.dumps(TRUST)}),
        ("a wider boundary", "iam", "create_policy_version", {"PolicyArn": boundary, "PolicyDocument": document, "SetAsDefault": True}),
        ("more rights for itself", "iam", "put_role_policy", {"RoleName": name, "PolicyName": "all", "PolicyDocument": document}),
        ("a role without its boundary", "iam", "delete_role_permissions_boundary", {"RoleName": stack.ids["RtcTokenRole"]}),
        ("a secret", "secretsmanager", "get_secret_value", {"SecretId": "tokenmint/agora"}),
        ("a topic with another name", "sns", "create_topic", {"Name": "billing"}),
        ("the end of the user pool", "cognito-idp", "delete_user_pool", {"UserPoolId": stack.outputs["UserPoolId"]}),
    ]:
        seen = refusal(getattr(client(service), call), **arguments)
        rows.row(f"it does not get {what}", seen in ("AccessDenied", "AccessDeniedException", "AuthorizationError"), seen)


def remove(rows, stack, shell, staged, jwt):
    begin, protect, note, delete, rest = page(rows, "remove", 5)
    for block in [begin, protect, note]:
        shell.run(block)
    pool = shell.value("POOL")
    rows.same("the pool's id is noted", pool, staged.outputs["UserPoolId"])
    rows.same("a protected stack is not deleted", refusal(stack.formation.delete_stack, StackName=NAME), "ValidationError")
    folder = f"{NAME}/"
    [bucket] = [it["Name"] for it in stack.client("s3").list_buckets()["Buckets"] if it["Name"].startswith("aws-sam-cli-managed")]
    files = lambda prefix: stack.client("s3").list_objects_v2(Bucket=bucket, Prefix=prefix).get("KeyCount")  # noqa: E731
    before, of_staging = files(folder), files(f"{STAGING}/")
    rows.row("each stack has its code in a folder of its own", before > 0 and of_staging > 0, before, of_staging)
    printed = shell.run(delete)
    rows.row("`sam delete` deletes staging", "Deleted successfully" in printed, printed[-1500:])
    rows.same("nothing of it is left", {kind: names for kind, names in staged.parts().items() if names}, {})
    rows.same("its code is gone, and production's is there", (files(f"{STAGING}/"), files(folder)), (0, before))
    cognito = stack.client("cognito-idp")
    users = [it["Username"] for it in cognito.list_users(UserPoolId=pool)["Users"]]
    rows.same("the user pool is left, with its users", users, ["alice"])
    shell.run(rest)
    rows.same("now it is gone, too", refusal(cognito.describe_user_pool, UserPoolId=pool), "ResourceNotFoundException")
    manager = stack.client("secretsmanager")
    rows.same("and the secret cannot be read", refusal(manager.get_secret_value, SecretId=f"{STAGING}/agora"), "InvalidRequestException")
    manager.restore_secret(SecretId=f"{STAGING}/agora")
    rows.same("but restored", refusal(manager.get_secret_value, SecretId=f"{STAGING}/agora"), None)
    rows.same("production mints on", stack.status("GET", "/rtc/demo/token", jwt=jwt), 200)


def walk(rows, emulator, folder, shell):
    stack, secret = from_the_page(rows, emulator, folder, shell)
    jwt = sign_in(stack, secret)["access_token"]
    rows.same("Alice is signed in", claims(jwt)["username"], "alice")
    stack.client("route53").create_hosted_zone(Name="example.com", CallerReference="one")
    staged = staging(rows, stack, shell, jwt)
    update(rows, stack, shell, jwt)
    rotate(rows, stack, shell, jwt)
    stop(rows, stack, shell, jwt)
    domain(rows, stack, shell, jwt)
    edge(rows, stack, shell)
    few_rights(rows, stack, shell, jwt)
    remove(rows, stack, shell, staged, jwt)


if __name__ == "__main__":
    run("production", walk)
