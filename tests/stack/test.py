"""The whole stack on this machine: deploys it as docs/tutorials/deploy.md says, uses it as apps, backends and attackers do, changes it and
deletes it. Prints a line for each thing that was shown. Ends at the first failure."""

import base64
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tools/stack"), str(ROOT / "tools")]

from botocore.exceptions import ClientError  # noqa: E402
from document import Shell, blocks, scratch, with_arns  # noqa: E402
from emulator import ACCOUNT, REGION, Emulator, begin, password  # noqa: E402
from expand_template import expanded  # noqa: E402
from issuer import Issuer, encoded  # noqa: E402

PAGE = ROOT / "docs/tutorials/deploy.md"
NAME = "tokenmint"
ORIGIN = "https://app.example.com"
DEMO = json.loads((ROOT / "tests/demo-credentials.json").read_text())
OTHER_AGORA = {"app_id": "f" * 32, "app_certificate": "0123456789abcdef" * 2}


class Rows:
    """What was shown so far."""

    def __init__(self):
        self.began, self.count = time.monotonic(), 0

    def row(self, what, holds, *seen):
        """One row. `seen`: what to print if it does not hold."""
        self.count += 1
        print(f"{'ok  ' if holds else 'FAIL'} {self.count:3}  {what}", flush=True)
        if not holds:
            raise AssertionError(f"{what}: {' '.join(map(str, seen))[:2000]}")

    def same(self, what, seen, expected):
        self.row(what, seen == expected, f"{seen!r}, not {expected!r}")


class Stack:
    """The deployed stack, and the ways to it."""

    def __init__(self, emulator, name=NAME):
        self.emulator, self.name = emulator, name
        self.client = emulator.client
        self.formation = self.client("cloudformation")
        self.refresh()

    def refresh(self):
        [stack] = self.formation.describe_stacks(StackName=self.name)["Stacks"]
        self.outputs = {it["OutputKey"]: it["OutputValue"] for it in stack.get("Outputs", [])}
        resources = self.formation.describe_stack_resources(StackName=self.name)["StackResources"]
        self.ids = {it["LogicalResourceId"]: it["PhysicalResourceId"] for it in resources}

    def deploy(self, parameters):
        """Changes parameters, as the page says. Every other parameter keeps its value."""
        done = self.make_deploy(parameters)
        assert done.returncode == 0, f"make deploy fails:\n{done.stdout[-3000:]}\n{done.stderr[-2000:]}"
        self.refresh()

    def make_deploy(self, parameters, **more):
        """`more`: variables of the environment."""
        command = ["make", "deploy", f"STACK={self.name}", f"PARAMETERS={parameters}"]
        return subprocess.run(command, cwd=ROOT, env=self.emulator.programs() | more, capture_output=True, text=True)

    def routes(self):
        """The API's routes, each with its kind of authorizer and the scopes that it asks for."""
        items = self.client("apigatewayv2").get_routes(ApiId=self.ids["Api"])["Items"]
        return {it["RouteKey"]: [it["AuthorizationType"], *it.get("AuthorizationScopes", [])] for it in items}

    def parts(self):
        """What there is of this stack, by kind, as each service lists it."""
        name, client, ours = (lambda key: lambda item: item[key]), self.client, set(self.ids.values())
        listed = {
            "function": map(name("FunctionName"), client("lambda").list_functions()["Functions"]),
            "API": map(name("ApiId"), client("apigatewayv2").get_apis()["Items"]),
            "log group": map(name("logGroupName"), client("logs").describe_log_groups()["logGroups"]),
            "role": map(name("RoleName"), client("iam").list_roles()["Roles"]),
            "policy": map(name("Arn"), client("iam").list_policies(Scope="Local")["Policies"]),
            "queue": client("sqs").list_queues().get("QueueUrls", []),
            "topic": map(name("TopicArn"), client("sns").list_topics()["Topics"]),
            "alarm": map(name("AlarmName"), client("cloudwatch").describe_alarms()["MetricAlarms"]),
            "dashboard": map(name("DashboardName"), client("cloudwatch").list_dashboards()["DashboardEntries"]),
            "schedule": map(name("Name"), client("scheduler").list_schedules()["Schedules"]),
        }
        return {kind: sorted(ours & set(names)) for kind, names in listed.items()}

    def ask(self, *request, **more):
        """The status of the API's answer, its headers and its body. After a 503 it asks again, as apps do: on a busy machine a function may
        not have its secret in time."""
        for _ in range(5):
            answer = self.ask_once(*request, **more)
            if answer[0] != 503:
                break
            time.sleep(1)
        return answer

    def ask_once(self, method, path, jwt=None, body=None, headers=None):
        host = self.outputs["ApiUrl"].removeprefix("http://")
        headers = {"Host": host} | (headers or {})
        if jwt is not None:
            headers["Authorization"] = f"Bearer {jwt}"
        if body is not None:
            headers["content-type"] = "application/json"
            body = json.dumps(body).encode()
        request = urllib.request.Request(f"{self.emulator.url}{path}", data=body, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.headers, answer.read().decode()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.headers, refused.read().decode()

    def status(self, *request, **more):
        return self.ask(*request, **more)[0]

    def token(self, *request, **more):
        """The token that this request gets, and what the answer says of it."""
        status, _, body = self.ask(*request, **more)
        assert status == 200, f"{request[:2]}: {status} {body}"
        said = json.loads(body) if body.startswith("{") else {"token": body}
        return said["token"], said

    def signed(self, method, path, key, secret, body=None):
        """The status for a caller who signs the request with AWS credentials, as `curl` does it."""
        return self.signed_answer(method, path, key, secret, body)[0]

    def signed_answer(self, method, path, key, secret, body=None):
        command = ["curl", "--silent", "--request", method, "--write-out", "\n%{http_code}"]
        command += ["--aws-sigv4", f"aws:amz:{REGION}:execute-api", "--user", f"{key}:{secret}"]
        command += [] if body is None else ["--data", json.dumps(body)]
        done = subprocess.run([*command, self.outputs["ApiUrl"] + path], capture_output=True, text=True, check=True)
        answer, status = done.stdout.rsplit("\n", 1)
        return int(status), answer

    def invoke(self, function, event, **more):
        """What a function answers to an event, without the gateway."""
        more = {"Qualifier": "live"} | more
        said = self.client("lambda").invoke(FunctionName=self.ids[function], Payload=json.dumps(event), **more)
        payload = said["Payload"].read()
        return json.loads(payload) if payload else None

    def inspect(self, token, credentials=None, user=None):
        """What `tokenmint inspect` says of a token. It decrypts or verifies the token with the vendor's secret. A 006 token can only
        be verified for a user."""
        target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug/tokenmint"
        with scratch() as folder:
            file = Path(folder) / "credentials.json"
            file.write_text(json.dumps(DEMO | (credentials or {})))
            command = [target, "inspect", "--json", "--credentials", file]
            command += ["--user", user] if user else []
            done = subprocess.run(command, input=token, capture_output=True, text=True)
        return json.loads(done.stdout) if done.stdout else {"signature": {"verdict": done.stderr}}

    def logs(self, function):
        """All that a function has logged."""
        logs, group = self.client("logs"), f"/aws/lambda/{self.name}/{function}"
        events = logs.filter_log_events(logGroupName=group, limit=10_000)["events"]
        return "\n".join(event["message"] for event in events)


# Each route for users: what to ask for, and what the token is.
ROUTES = [
    ("GET", "/chat/user/me/token", None, "007"),
    ("GET", "/rtm/me/token", None, "007"),
    ("POST", "/fetch_rtm_token", {"uid": "me"}, "006"),
    ("GET", "/rtc/demo/token", None, "007"),
    ("POST", "/rtc/demo/token", {}, "007"),
    ("GET", "/zego/me/token?room_id=demo", None, "04"),
    ("POST", "/zego/me/token", {"room_id": "demo"}, "04"),
    ("GET", "/zim/me/token", None, "04"),
]


# Each of these drop-in routes takes a slash at the end, too. The second part has the fields of its answer, and the version of the token in each.
DROP_IN = [
    ("/rtc/demo/publisher/userAccount/{user}", {"rtcToken": "007"}),
    ("/rtm/{user}", {"rtmToken": "007"}),
    ("/chat/account/{user}", {"chatToken": "007"}),
    ("/rte/demo/publisher/userAccount/{user}", {"rtcToken": "007", "rtmToken": "007"}),
]


def routes_of_the_functions(user_routes, drop_in=False):
    """The routes that template.yaml gives its functions. Chat's app token and agents' tokens are for IAM callers, and all others are for users.
    `drop_in`: also those for agents and classrooms, and the drop-in routes, except the one that takes a JWT from the query."""
    found = {}
    resources = expanded(ROOT / "template.yaml")["Resources"]
    for name, resource in resources.items():
        if resource["Type"] != "AWS::Serverless::Function" or (name in ("AgentToken", "ApaasToken") and not drop_in):
            continue
        for event in resource["Properties"].get("Events", {}).values():
            if event["Type"] == "HttpApi":
                route = event["Properties"]
                found[f"{route['Method']} {route['Path']}"] = ["AWS_IAM"] if name in ("AgentToken", "ChatAppToken") else user_routes
    # A drop-in route has its function in the document, and no event.
    for path, conditional in resources["Api"]["Properties"]["DefinitionBody"]["paths"].items():
        for method, operation in conditional["Fn::If"][1].items():
            if drop_in and path != "/uikit" and "x-amazon-apigateway-integration" in operation:
                found[f"{method.upper()} {path}"] = ["AWS_IAM"] if "AWS_IAM" in operation["security"][0] else user_routes
    return found


def asked(shell, block):
    """What a block with a request prints. After a 503 a person asks again, as an app does: see `Stack.ask`."""
    for _ in range(5):
        printed = shell.run(block)
        if '"status":503' not in printed:
            break
        time.sleep(1)
    return printed


def from_the_page(rows, emulator, folder, shell):
    """Runs the blocks of the page as they are written."""
    found = blocks(PAGE)
    rows.row(f"the page has {len(found)} blocks for an AWS account", len(found) == 5)
    secrets, deploy, user, token, app_token = (block for _, block in found)
    # Each `cat` ends with Ctrl-D at the beginning of a line.
    typed = "".join(f"{json.dumps(DEMO[vendor])}\n\x04" for vendor in ["agora", "zego"])
    printed = shell.run(secrets, typed)
    rows.row("1. both secrets are stored, and each command prints an ARN", printed.count(":secret:tokenmint/") >= 2, printed)
    rows.row("   no file with a key is left", not list(Path(folder).glob("*.json")))
    # `make` needs the project's folder.
    shell.run(f"cd {ROOT}")
    printed = shell.run(with_arns(deploy, printed))
    rows.row("2. `make deploy` deploys with `sam deploy`", "Successfully created/updated stack" in printed, printed[-1500:])
    stack = Stack(emulator)
    expected = routes_of_the_functions(["JWT", "aws.cognito.signin.user.admin"])
    rows.same(f"   all {len(expected)} routes are there, each with its authorizer", stack.routes(), expected)
    secret = password()
    shell.run(user, f"{secret}\n")
    jwt = shell.value("TOKEN")
    rows.row("3. Alice exists, has her password and signs in", jwt.count(".") == 2)
    printed = asked(shell, token)
    rows.row("4. she gets a token", '"token":"007' in printed, printed)
    printed = asked(shell, app_token)
    rows.row("5. a backend gets Chat's app token", printed.rstrip().rsplit("\n", 1)[-1].startswith("007"), printed)
    return stack, secret


def sign_in(stack, secret):
    """What an app's sign-in brings."""
    return stack.emulator.sign_in(stack.outputs, "alice", secret)


def claims(jwt):
    """What a JWT says."""
    payload = jwt.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def users(rows, stack, secret):
    signed_in = sign_in(stack, secret)
    rows.row("AWS's JavaScript client signs in by SRP", "access_token" in signed_in, signed_in)
    rows.same("a wrong password does not", sign_in(stack, "Wrong1!wrong1!"), {"error": "NotAuthorizedException"})
    jwt = signed_in["access_token"]
    alice = claims(jwt)["sub"].replace("-", "")
    for method, path, body, form in ROUTES:
        token, _ = stack.token(method, path, jwt=jwt, body=body)
        seen = stack.inspect(token, user=alice if form == "006" else None)
        genuine = token.startswith(form) and seen.get("signature", {}).get("verdict") in ("genuine", "decrypted")
        rows.row(f"{method} {path}: a genuine token {form}", genuine, seen)
    return signed_in


def refusals(rows, stack, signed_in):
    jwt, path = signed_in["access_token"], "/rtc/demo/token"
    rows.same("an ID token: 403", stack.status("GET", path, jwt=signed_in["id_token"]), 403)
    header, payload, signature = jwt.split(".")
    claims_of = claims(jwt)
    other = encoded(json.dumps(claims_of | {"sub": "mallory"}).encode())
    rows.same("other claims under the same signature: 401", stack.status("GET", path, jwt=f"{header}.{other}.{signature}"), 401)
    none = encoded(b'{"alg":"none","typ":"JWT"}')
    rows.same("`alg` is `none`: 401", stack.status("GET", path, jwt=f"{none}.{payload}."), 401)
    stranger = Issuer().jwt("RS256", "alice", aud=stack.outputs["UserPoolClientId"], scope="aws.cognito.signin.user.admin")
    rows.same("another issuer's JWT: 401", stack.status("GET", path, jwt=stranger), 401)
    kid = json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))["kid"]
    forged = Issuer().jwt("RS256", claims_of["sub"], kid=kid, **claims_of | {"exp": int(time.time()) + 600})
    rows.same("her claims and the user pool's key id, but another key: 401", stack.status("GET", path, jwt=forged), 401)
    rows.same("no JWT: 401", stack.status("GET", path), 401)
    rows.same("another user's token: 403", stack.status("GET", "/rtm/mallory/token", jwt=jwt), 403)
    rows.same("no such route: 404", stack.status("GET", "/admin", jwt=jwt), 404)
    rows.same("a wrong parameter: 400", stack.status("GET", "/rtc/demo/token?expires_in=-1", jwt=jwt), 400)


def app_token(rows, stack, jwt):
    iam, path = stack.client("iam"), "/chat/app/token"
    policy = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": stack.outputs["ChatAppTokenArn"]}}
    keys = {}
    for user in ["backend", "stranger"]:
        iam.create_user(UserName=user)
        made = iam.create_access_key(UserName=user)["AccessKey"]
        keys[user] = made["AccessKeyId"], made["SecretAccessKey"]
    iam.put_user_policy(UserName="backend", PolicyName="token", PolicyDocument=json.dumps(policy))
    rows.same("Chat's app token for an IAM user with the permission: 200", stack.signed("GET", path, *keys["backend"]), 200)
    rows.same("with a wrong key: 403", stack.signed("GET", path, keys["backend"][0], "wrong"), 403)
    rows.same("for an IAM user without the permission: 403", stack.signed("GET", path, *keys["stranger"]), 403)
    rows.same("without a signature: 403", stack.status("GET", path), 403)
    rows.row("with a user's JWT: no token", stack.status("GET", path, jwt=jwt) in (401, 403))
    rows.row("an IAM user gets no user's token", stack.signed("GET", "/rtm/me/token", *keys["backend"]) in (401, 403))
    return keys


def agent_token(rows, stack, jwt, keys):
    """The token of an agent, which backends alone get."""
    path, agent = "/rtc/demo/agent-token", {"uid": 9, "service": "convoai", "rtm_user_id": "agent", "role": "publisher"}
    rows.same("an agent's token, with the permission for Chat's app token alone: 403", stack.signed("POST", path, *keys["backend"], agent), 403)
    policy = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": stack.outputs["AgentTokenArn"]}}
    stack.client("iam").put_user_policy(UserName="backend", PolicyName="agents", PolicyDocument=json.dumps(policy))
    status, answer = stack.signed_answer("POST", path, *keys["backend"], agent)
    rows.same("with AgentTokenArn: 200", status, 200)
    seen = stack.inspect(json.loads(answer)["token"], {"agora": OTHER_AGORA})
    services = [it["service"] for it in seen.get("services", [])]
    rows.row("it is genuine, and names the product", seen.get("signature", {}).get("verdict") == "genuine" and "convoai" in json.dumps(seen).lower(), services, seen)
    rows.same("without a uid: 400", stack.signed("POST", path, *keys["backend"], {}), 400)
    rows.same("for an IAM user without the permission: 403", stack.signed("POST", path, *keys["stranger"], agent), 403)
    rows.same("without a signature: 403", stack.status("POST", path, body=agent), 403)
    rows.row("with a user's JWT: no token", stack.status("POST", path, jwt=jwt, body=agent) in (401, 403))


AGORA = ["ChatAppToken", "ChatUserToken", "RtmToken", "RtcToken"]
ZEGO = ["ZegoToken", "ZimToken"]


def secrets(stack):
    manager = stack.client("secretsmanager")
    return {vendor: manager.describe_secret(SecretId=f"tokenmint/{vendor}")["ARN"] for vendor in ["agora", "zego"]}


def may(stack, role, action, resource):
    """Whether a role may do this. The emulator lets functions do everything, so its policy simulator is asked."""
    iam = stack.client("iam")
    arn = iam.get_role(RoleName=stack.ids[role])["Role"]["Arn"]
    said = iam.simulate_principal_policy(PolicySourceArn=arn, ActionNames=[action], ResourceArns=[resource])
    return said["EvaluationResults"][0]["EvalDecision"] == "allowed"


def invokers(stack, function):
    """Who may invoke a function by the function's own policy, and for what."""
    policy = stack.client("lambda").get_policy(FunctionName=stack.ids[function], Qualifier="live")["Policy"]
    found = set()
    for statement in json.loads(policy)["Statement"]:
        source = statement.get("Condition", {}).get("ArnLike", {}).get("AWS:SourceArn", "anything")
        found.add((str(statement["Principal"]), source))
    return found


GATEWAY = str({"Service": "apigateway.amazonaws.com"})


def permissions(rows, stack):
    """What the roles may do."""
    arns = secrets(stack)
    read = "secretsmanager:GetSecretValue"
    of_vendor = {name: "agora" if name in AGORA else "zego" for name in AGORA + ZEGO}
    seen = {name: [vendor for vendor in arns if may(stack, f"{name}Role", read, arns[vendor])] for name in of_vendor}
    rows.same("each function may read its own vendor's secret alone", seen, {name: [vendor] for name, vendor in of_vendor.items()})
    writes = [name for name in of_vendor if may(stack, f"{name}Role", "secretsmanager:PutSecretValue", arns[of_vendor[name]])]
    rows.same("no function may change a secret", writes, [])
    invoke = "lambda:InvokeFunction"
    warms = [name for name in of_vendor if may(stack, "PrewarmRole", invoke, stack.ids[f"{name}Aliaslive"])]
    rows.same("Prewarm may invoke each of them", warms, list(of_vendor))
    reads = [vendor for vendor in arns if may(stack, "PrewarmRole", read, arns[vendor])]
    rows.same("Prewarm may read no secret", reads, [])
    schedule = "PrewarmScheduleRole"
    starts = [name for name in [*of_vendor, "Prewarm"] if may(stack, schedule, invoke, stack.ids[f"{name}Aliaslive"])]
    rows.same("the schedule may start Prewarm, and none of them", starts, ["Prewarm"])
    asked = {"QueueUrl": stack.ids["PrewarmFailures"], "AttributeNames": ["QueueArn"]}
    queue = stack.client("sqs").get_queue_attributes(**asked)["Attributes"]["QueueArn"]
    sends = [role for role in ["PrewarmRole", schedule, "RtcTokenRole"] if may(stack, role, "sqs:SendMessage", queue)]
    rows.same("Prewarm and the schedule may fill the dead-letter queue", sends, ["PrewarmRole", schedule])
    names = [*of_vendor, "Prewarm"]
    streams = {name: f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{stack.ids[f'{name}Logs']}:log-stream:one" for name in names}
    write = "logs:PutLogEvents"
    seen = {name: [of for of in names if may(stack, f"{name}Role", write, streams[of])] for name in names}
    rows.same("each function may write into its own log group alone", seen, {name: [name] for name in names})
    seen = {name: {who for who, _ in invokers(stack, name)} for name in of_vendor}
    rows.same("the gateway, and nobody else, is named in each function's own policy", seen, {name: {GATEWAY} for name in of_vendor})
    ours = f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{stack.ids['Api']}/"
    others = {name: source for name in of_vendor for _, source in invokers(stack, name) if not source.startswith(ours)}
    rows.same("and it may only for this API", others, {})


def strangers(rows, stack):
    """What a page in a browser, or another user of this machine, may do with the emulator: nothing."""
    emulator = stack.emulator
    address = f"127.0.0.1:{emulator.port}"
    known = "AWS4-HMAC-SHA256 Credential={}/20261127/eu-central-1/iam/aws4_request, SignedHeaders=host, Signature=00"
    ours = known.format(emulator.environment["AWS_ACCESS_KEY_ID"])
    create = "/?Action=CreateRole&RoleName=stranger&AssumeRolePolicyDocument=%7B%7D&Version=2010-05-08"
    api = stack.outputs["ApiUrl"].removeprefix("http://")
    target = "AWSCognitoIdentityProviderService.AdminGetUser"
    for what, method, path, headers in [
        ("without a key", "POST", create, {}),
        ("with the key `test`", "POST", create, {"Authorization": known.format("test")}),
        ("with an account's number as the key", "POST", create, {"Authorization": known.format(ACCOUNT)}),
        ("with another key", "POST", create, {"Authorization": known.format("AKIA" + "0" * 32)}),
        ("with the key in the address", "POST", f"{create}&X-Amz-Credential=test%2F20261127", {}),
        ("from a page", "POST", create, {"Authorization": ours, "Origin": "http://localhost:5173"}),
        ("under another name (DNS rebinding)", "POST", create, {"Authorization": ours, "Host": "evil.example"}),
        ("by the API's name", "POST", create, {"Host": api}),
        ("by the API's name, to the user pool", "POST", "/", {"Host": api, "X-Amz-Target": target}),
        ("for all users, to the user pool", "POST", "/", {"X-Amz-Target": target}),
        ("to the emulator's own pages", "POST", "/_ministack/reset", {"Authorization": ours}),
        ("to a function", "POST", "/2015-03-31/functions/x/invocations", {"Authorization": known.format("test")}),
    ]:
        status, said, _ = stack.ask_once(method, path, headers={"Host": address} | headers)
        refused = status in (400, 401, 403) and said.get("access-control-allow-origin") != "*"
        rows.row(f"a stranger's request {what} is refused", refused, status, dict(said))
    roles = {role["RoleName"] for role in stack.client("iam").list_roles()["Roles"]}
    rows.row("no stranger has made a role", "stranger" not in roles, roles)
    chat = {"Host": api, "Authorization": known.format("test").replace("/iam/", "/execute-api/")}
    rows.same("the key `test` gets no app token of Chat", stack.ask_once("GET", "/chat/app/token", headers=chat)[0], 403)
    folder = Path(emulator.folder)
    mode, signing = folder.stat().st_mode & 0o777, list(folder.rglob("*.pem"))
    rows.row("no other user can read the keys that sign the users' JWTs", signing and mode == 0o700, oct(mode), signing)


def preflight(rows, stack):
    def asked(origin):
        headers = {"Origin": origin, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
        status, headers, _ = stack.ask("OPTIONS", "/rtc/demo/token", headers=headers)
        return status, headers.get("access-control-allow-origin")

    status, allowed = asked(ORIGIN)
    rows.row("a page of the named origin may ask", status in (200, 204) and allowed == ORIGIN, status, allowed)
    rows.same("a page of another origin may not", asked("https://evil.example.com")[1], None)


def rounds(stack):
    """How many rounds of warm-ups the log has. Each round has a line for each function."""
    return stack.logs("Prewarm").count("environments warmed")


def warm_ups(rows, stack):
    report = stack.invoke("Prewarm", {"environments": 1, "hold_milliseconds": 100, "every_minutes": 4})
    rows.row("a round by hand warms all six functions", report.get("sent") == 6 and report.get("failed") == 0, report)
    # A round fails if a function cannot load its secret.
    manager, queue = stack.client("secretsmanager"), stack.client("sqs")
    manager.put_secret_value(SecretId="tokenmint/zego", SecretString="no JSON")
    event = {"environments": 1, "hold_milliseconds": 100, "every_minutes": 4}
    # The emulator hands on no failed event of an alias. So this asks for the newest code, which is the alias's.
    stack.invoke("Prewarm", event, InvocationType="Event", Qualifier="$LATEST")
    kept, ends = [], time.monotonic() + 60
    while not kept and time.monotonic() < ends:
        said = queue.receive_message(QueueUrl=stack.outputs["PrewarmFailuresUrl"], WaitTimeSeconds=2)
        kept = said.get("Messages", [])
    rows.row("a failed round is in the dead-letter queue, with its report", bool(kept) and "WarmUpsFailed" in kept[0]["Body"], kept)
    manager.put_secret_value(SecretId="tokenmint/zego", SecretString=json.dumps(DEMO["zego"]))
    report = stack.invoke("Prewarm", event)
    rows.row("the next round warms them again", report.get("failed") == 0, report)


def alias(stack, function):
    return stack.client("lambda").get_alias(FunctionName=stack.ids[function], Name="live")["FunctionVersion"]


def rules(rows, stack):
    """Parameters that do not go together. Each is refused with the template's own sentence, and nothing changes."""
    before = alias(stack, "RtcToken")
    for parameters, sentence in [
        ("JwtIssuer=https://issuer.example.com", "JwtIssuer needs JwtAudience"),
        (f"ZimSecretArn={secrets(stack)['zego']}", "must be the secret of another ZEGO project"),
        ("MaxSecondsBeyondJwt=0", "MaxSecondsBeyondJwt needs Rtm006=refused"),
        ("UikitJwtAudience=uikit", "UikitJwtAudience needs DropIn=true"),
        ("Classrooms=true TeacherScope=teach", "TeacherScope needs JwtIssuer"),
    ]:
        done = stack.make_deploy(parameters)
        said = done.stdout + done.stderr
        rows.row(f"refused: {sentence}", done.returncode != 0 and sentence in said, done.returncode, said[-1500:])
    rows.same("nothing has changed by that", alias(stack, "RtcToken"), before)


def update(rows, stack, jwt):
    before = alias(stack, "RtcToken")
    rows.same("a token lives an hour", stack.token("GET", "/rtc/demo/token", jwt=jwt)[1]["expires_in"], 3600)
    stack.deploy("MaxTokenTtlSeconds=60 CredentialsTtlSeconds=1 RoomsClaim=cognito:groups RtmBeyondRooms=allowed PrewarmMinutes=2")
    rows.row("a changed limit makes a new version", alias(stack, "RtcToken") != before)
    cognito, pool = stack.client("cognito-idp"), stack.outputs["UserPoolId"]
    cognito.create_group(UserPoolId=pool, GroupName="demo")
    cognito.admin_add_user_to_group(UserPoolId=pool, Username="alice", GroupName="demo")


def changed(rows, stack, jwt):
    rows.same("the limit holds at once", stack.token("GET", "/rtc/demo/token", jwt=jwt)[1]["expires_in"], 60)
    rows.same("a room outside the user's groups: 403", stack.status("GET", "/rtc/other/token", jwt=jwt), 403)
    rows.same("a group's room: 200", stack.status("GET", "/rtc/demo/token", jwt=jwt), 200)
    stack.client("secretsmanager").put_secret_value(SecretId="tokenmint/agora", SecretString=json.dumps(OTHER_AGORA))
    ends, said = time.monotonic() + 30, {}
    while said.get("app_id") != OTHER_AGORA["app_id"] and time.monotonic() < ends:
        time.sleep(1.1)
        token, said = stack.token("GET", "/rtc/demo/token", jwt=jwt)
    seen = stack.inspect(token, {"agora": OTHER_AGORA})
    rows.row("a rotated secret is in use", seen.get("signature", {}).get("verdict") == "genuine", said, seen)


def drop_in(rows, stack, jwt, keys):
    """The routes for clients of other token servers: none without the parameter, all with it."""
    alice = claims(jwt)["sub"].replace("-", "")
    asked = [(path.format(user=alice) + slash, tokens) for path, tokens in DROP_IN for slash in ["", "/"]]
    statuses = {path: stack.status("GET", path, jwt=jwt) for path, _ in asked}
    rows.same("DropIn=false: none of the drop-in routes is there (404)", statuses, dict.fromkeys(statuses, 404))
    # The emulator sees no change if a condition alone changes. So a number changes, too.
    stack.deploy("DropIn=true Classrooms=true AgentTokens=true MintsPerMinute=61")
    expected = routes_of_the_functions(["JWT", "aws.cognito.signin.user.admin"], drop_in=True)
    rows.same(f"DropIn=true Classrooms=true AgentTokens=true: all {len(expected)} routes are there, each with its authorizer", stack.routes(), expected)
    for path, tokens in asked:
        status, _, body = stack.ask("GET", path, jwt=jwt)
        said = json.loads(body) if status == 200 else {}
        seen = {name: stack.inspect(token, {"agora": OTHER_AGORA}) for name, token in said.items()}
        genuine = all(it.get("signature", {}).get("verdict") == "genuine" for it in seen.values())
        right = said.keys() == tokens.keys() and all(said[name].startswith(form) for name, form in tokens.items())
        rows.row(f"GET {path.replace(alice, 'ID')}: {' and '.join(tokens)}, genuine", right and genuine, status, body, seen)
    statuses = {path: stack.status("GET", path) for path, _ in asked}
    rows.same("no JWT: 401 from each of them", statuses, dict.fromkeys(statuses, 401))
    statuses = {path: stack.status("GET", path.replace(alice, "mallory"), jwt=jwt) for path, _ in asked}
    rows.same("another user's token: 403 from each of them", statuses, dict.fromkeys(statuses, 403))
    rows.same("a room outside the user's groups: 403", stack.status("GET", asked[0][0].replace("demo", "other"), jwt=jwt), 403)
    rows.same("more than a slash after an id: 404", stack.status("GET", f"/rtm/{alice}/x", jwt=jwt), 404)
    rows.same("the stack's own route /rtm/{user_id}/token is still there", stack.status("GET", f"/rtm/{alice}/token", jwt=jwt), 200)
    rows.same("Chat's app token without a signature: 403", stack.status("GET", "/chat/app"), 403)
    rows.row("Chat's app token with a user's JWT: refused", stack.status("GET", "/chat/app", jwt=jwt) in (401, 403))
    rows.same("Chat's app token for an IAM user with the permission for another route: 403", stack.signed("GET", "/chat/app", *keys["backend"]), 403)
    arns = secrets(stack)
    reads = [vendor for vendor in arns if may(stack, "DropInTokenRole", "secretsmanager:GetSecretValue", arns[vendor])]
    rows.same("the new function may read Agora's secret alone", reads, ["agora"])
    classroom(rows, stack, jwt)
    agent_token(rows, stack, jwt, keys)
    of_api = f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{stack.ids['Api']}/*/*/*"
    rows.same("the gateway, and nobody else, may invoke it", invokers(stack, "DropInToken"), {(GATEWAY, of_api)})


def classroom(rows, stack, jwt):
    room, other = "/apaas/me/rooms/demo/token", "/apaas/me/rooms/other/token"
    token, said = stack.token("GET", f"{room}?role=2", jwt=jwt)
    seen = stack.inspect(token, {"agora": OTHER_AGORA})
    genuine = seen.get("signature", {}).get("verdict") == "genuine"
    rows.row("a student's token for a classroom, genuine", genuine and said["kind"] == "agora-apaas-room-user", said, seen)
    rows.same("a teacher's, without TeacherScope: 403", stack.status("GET", f"{room}?role=1", jwt=jwt), 403)
    rows.same("a room outside the user's groups: 403", stack.status("GET", f"{other}?role=2", jwt=jwt), 403)
    asked = {"roomUuid": "demo", "userUuid": "me", "role": 2}
    rows.same("POST /fetch_education_token: 200", stack.status("POST", "/fetch_education_token", jwt=jwt, body=asked), 200)
    rows.same("no JWT: 401", stack.status("GET", f"{room}?role=2"), 401)


def uikit(rows, stack, issuer, rooms):
    """A JWT in the query, for UI kits that send no headers."""
    now = int(time.time())
    short = {"aud": "uikit", "exp": now + 300, "iat": now, **rooms}
    inner = "/rtc/demo/publisher/userAccount/alice/"

    def asked(jwt, path=inner):
        return stack.ask("GET", f"/uikit?jwt={jwt}&path={path}")

    jwt = issuer.jwt("RS256", "alice", **short)
    status, headers, body = asked(jwt)
    token = json.loads(body).get("rtcToken", "") if status == 200 else ""
    seen = stack.inspect(token, {"agora": OTHER_AGORA})
    rows.row("GET /uikit with a JWT in the query: a genuine token", seen.get("signature", {}).get("verdict") == "genuine", status, body, seen)
    rows.same("the answer tells the browser to give the address to no other page", headers.get("referrer-policy"), "no-referrer")
    rows.same("another user's token: 403", asked(jwt, inner.replace("alice", "bob"))[0], 403)
    rows.same("without a JWT: 401", stack.status("GET", f"/uikit?path={inner}"), 401)
    rows.same("this JWT in the header of another route: 401", stack.status("GET", inner, jwt=jwt), 401)
    rows.same("the user's other JWT in the query: 401", asked(issuer.jwt("RS256", "alice", **rooms))[0], 401)
    long = asked(issuer.jwt("RS256", "alice", **short | {"exp": now + 3600}))[0]
    rows.row("a JWT for the query that lives for an hour: refused", long in (401, 403), long)
    return jwt


def own_issuer(rows, stack):
    issuer, path = Issuer(), "/rtc/demo/token"
    pool = stack.outputs["UserPoolId"]
    stack.deploy(f"JwtIssuer={issuer.url} JwtAudience=app JwtScope=tokens RoomsClaim=rooms TeacherScope=teach UikitJwtAudience=uikit")
    cognito = stack.client("cognito-idp")
    left = [it["Id"] for it in cognito.list_user_pools(MaxResults=60)["UserPools"]]
    names = [user["Username"] for user in cognito.list_users(UserPoolId=pool)["Users"]] if pool in left else []
    rows.same("the user pool has left the stack, and keeps its users", ("UserPool" in stack.ids, names), (False, ["alice"]))
    rooms = {"rooms": ["demo", "green room"], "scope": "openid tokens"}
    good = issuer.jwt("RS256", "alice", **rooms)
    rows.same("an issuer of one's own: its RS256 JWT gets a token", stack.status("GET", path, jwt=good), 200)
    rows.same("as exactly this user", stack.status("GET", "/rtm/alice/token", jwt=good), 200)
    rows.same("not as another one", stack.status("GET", "/rtm/bob/token", jwt=good), 403)
    teacher, lesson = issuer.jwt("RS256", "alice", **rooms | {"scope": "openid tokens teach"}), "/apaas/me/rooms/demo/token?role=1"
    rows.same("TeacherScope=teach: a teacher's token for a classroom", stack.status("GET", lesson, jwt=teacher), 200)
    rows.same("without this scope: 403", stack.status("GET", lesson, jwt=good), 403)
    unscoped = issuer.jwt("RS256", "alice", **rooms | {"scope": "openid"})
    rows.same("without the scope: 403", stack.status("GET", path, jwt=unscoped), 403)
    rows.same("for another audience: 401", stack.status("GET", path, jwt=issuer.jwt("RS256", "alice", aud="other", **rooms)), 401)
    rows.same("another issuer's: 401", stack.status("GET", path, jwt=Issuer().jwt("RS256", "alice", **rooms)), 401)
    es256 = issuer.jwt("ES256", "alice", **rooms)
    rows.same("the gateway's authorizer refuses ES256: 401", stack.status("GET", path, jwt=es256), 401)

    in_query = uikit(rows, stack, issuer, rooms)

    done = stack.make_deploy("JwtVerifier=tokenmint")
    sentence = "UikitJwtAudience needs JwtVerifier=gateway"
    rows.row(f"refused: {sentence}", done.returncode != 0 and sentence in done.stdout + done.stderr, done.stdout[-1500:], done.stderr[-1500:])
    stack.deploy('JwtVerifier=tokenmint RtmBeyondRooms=permissions UikitJwtAudience=\\"\\"')
    rows.same("without UikitJwtAudience: GET /uikit is gone (404)", stack.status("GET", f"/uikit?jwt={in_query}&path={path}"), 404)
    expected = routes_of_the_functions(["CUSTOM"], drop_in=True)
    rows.same("JwtVerifier=tokenmint: each user's route has our authorizer", stack.routes(), expected)
    of_api = f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{stack.ids['Api']}/authorizers/*"
    rows.same("the gateway, and nobody else, may invoke it", invokers(stack, "JwtAuthorizer"), {(GATEWAY, of_api)})
    read = "secretsmanager:GetSecretValue"
    reads = [vendor for vendor, arn in secrets(stack).items() if may(stack, "JwtAuthorizerRole", read, arn)]
    rows.same("it may read no secret", reads, [])
    rows.same("an ES256 JWT gets a token", stack.status("GET", path, jwt=es256), 200)
    permitted = stack.token("GET", "/rtm/me/token", jwt=es256)[1].get("permissions", {}).get("message_channels", {}).get("read")
    rows.same("RtmBeyondRooms=permissions: RTM's token names the channels of the claim", permitted, ["demo", "green room"])
    rows.same("also from a drop-in route", stack.status("GET", "/rtc/demo/publisher/userAccount/alice/", jwt=es256), 200)
    rows.same("so does an RS256 JWT", stack.status("GET", path, jwt=good), 200)
    rows.same("a room with a space in its name", stack.status("GET", "/rtc/green%20room/token", jwt=es256), 200)
    rows.same("without the scope: 403", stack.status("GET", path, jwt=unscoped), 403)
    rows.same("a room that is not in the list: 403", stack.status("GET", "/rtc/other/token", jwt=es256), 403)
    rows.same("a forged JWT: 403", stack.status("GET", path, jwt=es256[:-8] + "AAAAAAAA"), 403)
    payload = es256.split(".")[1]
    none = encoded(b'{"alg":"none","typ":"JWT"}')
    rows.same("`alg` is `none`: 403", stack.status("GET", path, jwt=f"{none}.{payload}."), 403)
    now = int(time.time())
    ended = issuer.jwt("ES256", "alice", iat=now - 7200, exp=now - 3600, **rooms)
    rows.same("a JWT that has ended: 401", stack.status("GET", path, jwt=ended), 401)
    rows.same("no JWT: 401", stack.status("GET", path), 401)
    report = stack.invoke("Prewarm", {"environments": 1, "hold_milliseconds": 100, "every_minutes": 4})
    rows.row("the authorizer is kept warm, too", report.get("sent") == 10 and report.get("failed") == 0, report)

    def direct(headers):
        event = {
            "version": "2.0",
            "routeKey": "GET /rtm/{user_id}/token",
            "rawPath": "/rtm/me/token",
            "rawQueryString": "",
            "headers": headers,
            "pathParameters": {"user_id": "me"},
            "requestContext": {
                "http": {"method": "GET"},
                "requestId": "id",
                "routeKey": "GET /rtm/{user_id}/token",
                "authorizer": {"lambda": {"claims": json.dumps({"sub": "alice", "exp": now + 3600, "rooms": ["demo"]})}},
            },
            "isBase64Encoded": False,
        }
        return stack.invoke("RtmToken", event)["statusCode"]

    rows.same("a caller who may invoke a function directly is believed", direct({}), 200)
    # The emulator sees no change if a condition alone changes. So a number changes, too.
    stack.deploy("VerifyTwice=true MintsPerMinute=59")
    rows.same("VerifyTwice=true: a user's JWT gets a token", stack.status("GET", path, jwt=es256), 200)
    rows.same("a direct invocation without a JWT: 401", direct({}), 401)
    rows.same("with the user's JWT: 200", direct({"authorization": f"Bearer {es256}"}), 200)
    return es256, in_query


def one_vendor(rows, stack, jwt):
    stack.deploy('ZegoSecretArn=\\"\\"')
    left = [name for name in stack.ids if name.startswith(("Zego", "Zim"))]
    rows.same("without ZEGO's secret nothing of ZEGO is left", left, [])
    rows.same("its route is gone: 404", stack.status("GET", "/zego/alice/token?room_id=demo", jwt=jwt), 404)
    rows.same("Agora's routes work", stack.status("GET", "/rtc/demo/token", jwt=jwt), 200)


def scheduled(rows, stack, before):
    """The schedule runs every two minutes."""
    ends = time.monotonic() + 200
    while rounds(stack) <= before and time.monotonic() < ends:
        time.sleep(2)
    rows.row("the schedule starts a round", rounds(stack) > before, rounds(stack))


def silent(rows, stack, *hidden):
    """What no function may have logged."""
    hidden = [*hidden, *(value for vendor in [DEMO["agora"], DEMO["zego"], OTHER_AGORA] for value in vendor.values())]
    hidden = [value for value in hidden if isinstance(value, str) and value not in (DEMO["agora"]["app_id"], OTHER_AGORA["app_id"])]
    logged = {name: stack.logs(name) for name in [*AGORA, *ZEGO, "AgentToken", "ApaasToken", "DropInToken", "JwtAuthorizer", "Prewarm"]}
    rows.same("every function has logged", [name for name, text in logged.items() if not text], [])
    found = [name for name, text in logged.items() if any(value in text for value in hidden)]
    rows.same("no function has logged a key or a JWT", found, [])


def deleted(rows, stack):
    rows.same("before: the stack has something of each kind", [kind for kind, names in stack.parts().items() if not names], [])
    command = ["sam", "delete", "--stack-name", NAME, "--no-prompts"]
    done = subprocess.run(command, cwd=ROOT, env=stack.emulator.programs(), capture_output=True, text=True)
    rows.row("`sam delete` deletes the stack", done.returncode == 0, done.stdout[-1500:], done.stderr[-1500:])
    left = stack.parts()
    rows.same(f"nothing is left: no {', no '.join(left)}", {kind: names for kind, names in left.items() if names}, {})
    kept = {it["Name"] for it in stack.client("secretsmanager").list_secrets()["SecretList"]}
    rows.row("the secrets are still there: they are not the stack's", {"tokenmint/agora", "tokenmint/zego"} <= kept, kept)


def walk(rows, emulator, folder, shell):
    stack, secret = from_the_page(rows, emulator, folder, shell)
    signed_in = users(rows, stack, secret)
    jwt = signed_in["access_token"]
    refusals(rows, stack, signed_in)
    keys = app_token(rows, stack, jwt)
    permissions(rows, stack)
    strangers(rows, stack)
    preflight(rows, stack)
    warm_ups(rows, stack)
    rules(rows, stack)
    update(rows, stack, jwt)
    before = rounds(stack)
    # The new group is in the claims from the next sign-in on.
    in_group = sign_in(stack, secret)["access_token"]
    changed(rows, stack, in_group)
    drop_in(rows, stack, in_group, keys)
    scheduled(rows, stack, before)
    of_own_issuer, in_query = own_issuer(rows, stack)
    silent(rows, stack, jwt, in_group, of_own_issuer, in_query)
    one_vendor(rows, stack, of_own_issuer)
    deleted(rows, stack)


def run(name, walk):
    """Starts the emulator and a shell, walks, and ends both. Every walk begins with the tutorial."""
    begin()
    rows, shell = Rows(), None
    with scratch() as folder:
        emulator = Emulator(folder)
        try:
            rows.same("the emulator listens on loopback alone", emulator.listening(), {"127.0.0.1"})
            # The page's command for a backend names a session token.
            shell = Shell(folder, emulator.programs() | {"AWS_SESSION_TOKEN": "test"})
            walk(rows, emulator, folder, shell)
            rows.same("all the while it listened on loopback alone", emulator.listening(), {"127.0.0.1"})
        except (AssertionError, ClientError, subprocess.CalledProcessError) as failed:
            kept = ROOT / "target/stack/emulator.log"
            kept.write_text(emulator.log.read_text())
            print(f"\n{failed}\nThe emulator's log: {kept}", file=sys.stderr)
            raise SystemExit(f"{name}: failed after {rows.count} rows")
        except KeyboardInterrupt:
            raise SystemExit(f"{name}: stopped after {rows.count} rows") from None
        finally:
            if shell:
                shell.stop()
            emulator.stop()
    print(f"{name}: {rows.count} rows passed in {time.monotonic() - rows.began:.0f} s (account {ACCOUNT}, {REGION})")


if __name__ == "__main__":
    run("stack", walk)
