"""Tests the script with a fake Chat. The fake checks the bearer token with the vendor's own package, as Chat would.

TOKENMINT_URL is a running service with the demo credentials; `make test` starts one.
"""

import datetime
import hashlib
import hmac
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import threading
import time
import unittest
import unittest.mock
import urllib.request
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import chat_rest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCRIPT = pathlib.Path(__file__).with_name("chat_rest.py")
TOKENMINT = os.environ["TOKENMINT_URL"].rstrip("/")
AGORA = json.loads((ROOT / "tests/demo-credentials.json").read_text())["agora"]
AWS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "aws-secret-that-nobody-may-see", "AWS_SESSION_TOKEN": "session/token=="}


class Server:
    """Answers with `answer(request)`: a status, a dictionary, and headers. Records all requests."""

    def __init__(self, answer):
        server = self
        self.requests = []

        class Handler(BaseHTTPRequestHandler):
            def do(self):
                self.at = time.monotonic()
                self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                server.requests.append(self)
                status, body, headers = answer(self)
                body = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                for name, value in ({"Content-Type": "application/json", "Content-Length": len(body)} | headers).items():
                    self.send_header(name, str(value))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do

            def log_message(self, *_):
                pass

        class Http(ThreadingHTTPServer):
            def handle_error(self, *_):
                """Prints nothing about clients that went away."""

        self.http = Http(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def stop(self):
        self.http.shutdown()
        self.http.server_close()


def verdict(token):
    """Reads a token with the vendor's own package."""
    case = [{"token": token, "app_id": AGORA["app_id"], "app_certificate": AGORA["app_certificate"], "channel": "", "uid": ""}]
    verifier = ["node", "tools/harness/verifiers/agora.mjs"]
    done = subprocess.run(verifier, input=json.dumps(case), capture_output=True, text=True, check=True, cwd=ROOT)
    return json.loads(done.stdout)[0]


class Chat(Server):
    """A fake of the part of Chat's REST API that registers users."""

    def __init__(self):
        self.users = {}
        self.troubles = []
        super().__init__(self.answer)

    def is_app_token(self, header):
        scheme, _, token = (header or "").partition(" ")
        said = verdict(token) if scheme == "Bearer" else {"valid": False}
        # It must have the app's id and signature, Chat's privilege for apps and no user, and must not have expired.
        return (
            said["valid"]
            and [service["type"] for service in said["services"]] == [5]
            and set(said["services"][0]["privileges"]) == {"2"}
            and said["services"][0]["user_id"] == ""
            and said["issue_ts"] <= time.time() < said["issue_ts"] + min(said["expire"], said["services"][0]["privileges"]["2"])
        )

    def answer(self, request):
        if self.troubles:
            trouble = self.troubles.pop(0)
            return trouble(request) if callable(trouble) else trouble
        if not self.is_app_token(request.headers["Authorization"]):
            words = "registration is not open, please contact the app admin"
            return 401, {"error": "unauthorized", "exception": "SecurityException", "error_description": words}, {}
        if (request.command, request.path) != ("POST", "/org-1/app-1/users"):
            return 404, {"error": "service_resource_not_found", "error_description": "Service resource not found"}, {}
        user = json.loads(request.body)
        if user["username"] in self.users:
            words = f"Application 8be0 Entity user requires that property named username be unique, value of {user['username']} exists"
            return 400, {"error": "duplicate_unique_property_exists", "error_description": words}, {}
        if not user.get("password"):
            return 400, {"error": "illegal_argument", "error_description": "Password or pin must provided."}, {}
        self.users[user["username"]] = user
        entity = {"uuid": "0ffe2d80", "type": "user", "username": user["username"], "activated": True}
        return 200, {"action": "post", "path": "/users", "entities": [entity], "timestamp": int(time.time() * 1000)}, {}


class Case(unittest.TestCase):
    def setUp(self):
        self.chat = Chat()
        self.addCleanup(self.chat.stop)

    def serve(self, answer):
        server = Server(answer)
        self.addCleanup(server.stop)
        return server

    def run_script(self, *arguments, tokenmint=TOKENMINT, chat=None, **env):
        clean = {name: value for name, value in os.environ.items() if not name.upper().startswith(("AWS_", "CHAT_")) and "proxy" not in name.lower()}
        clean |= {"TOKENMINT_URL": tokenmint, "CHAT_URL": chat or f"{self.chat.url}/org-1/app-1"} | env
        done = subprocess.run([sys.executable, SCRIPT, *arguments], capture_output=True, text=True, timeout=60, env=clean)
        output = done.stdout + done.stderr
        # In every case the output holds no token, no password, no key and no stack trace.
        self.assertNotRegex(output, r"007[A-Za-z0-9+/]{20}|Traceback|aws-secret|session/token")
        for user in self.chat.users.values():
            self.assertNotIn(user["password"], output)
        return done

    def registered(self, done):
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stderr, "")
        return [json.loads(line) for line in done.stdout.splitlines()]

    def refused(self, done, code, *words):
        self.assertEqual((done.returncode, done.stdout), (code, ""), done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)

    def test_users_are_registered_with_a_token_that_the_vendor_takes(self):
        count = 0

        def counted(request):
            nonlocal count
            count += 1
            return relayed(request)

        done = self.run_script("register", "--nickname", "Alice", "alice", "b.o-b_2", tokenmint=self.serve(counted).url)
        self.assertEqual(self.registered(done), [{"username": "alice", "registered": "now"}, {"username": "b.o-b_2", "registered": "now"}])
        self.assertEqual(count, 1, "one token is good for both")
        self.assertEqual(set(self.chat.users), {"alice", "b.o-b_2"})
        self.assertEqual(self.chat.users["alice"]["nickname"], "Alice")
        passwords = {user["password"] for user in self.chat.users.values()}
        self.assertTrue(len(passwords) == 2 and all(len(it) >= 32 for it in passwords), "nobody can guess them")

    def test_who_exists_already_is_left_as_they_are(self):
        self.registered(self.run_script("register", "alice"))
        before = dict(self.chat.users["alice"])
        done = self.run_script("register", "alice", "--nickname", "Other")
        self.assertEqual(self.registered(done), [{"username": "alice", "registered": "before"}])
        self.assertEqual(self.chat.users["alice"], before)
        self.assertEqual(len(self.chat.requests), 2)

    def test_the_stand_in_refuses_what_the_vendor_would(self):
        def bearer(path, cut=None):
            with urllib.request.urlopen(TOKENMINT + path) as answer:
                token = answer.read().decode()
            return "Bearer " + (token if cut is None else token[:cut] + ("A" if token[cut] != "A" else "B") + token[cut + 1 :])

        self.assertTrue(self.chat.is_app_token(bearer("/chat/app/token")))
        self.assertFalse(self.chat.is_app_token(bearer("/chat/app/token", cut=40)))
        self.assertFalse(self.chat.is_app_token(bearer("/chat/user/alice/token")))
        self.assertFalse(self.chat.is_app_token("Bearer "))
        self.assertFalse(self.chat.is_app_token(None))
        short = bearer("/chat/app/token?expires_in=1")
        time.sleep(2)
        self.assertFalse(self.chat.is_app_token(short))

    def test_an_expired_token_is_replaced_once(self):
        first = []

        def expired_then_good(request):
            if first:
                return relayed(request)
            status, answer, headers = relayed(request, "?expires_in=1")
            first.append(answer["token"])
            time.sleep(2)
            # The script believes that the token is good for a long time.
            end = answer["expires_at"] + 600
            return status, answer | {"expires_at": end, "expires_in": 601, "renew_at": end - 60}, headers

        service = self.serve(expired_then_good)
        self.assertEqual(len(self.registered(self.run_script("register", "alice", tokenmint=service.url))), 1)
        self.assertEqual((len(service.requests), len(self.chat.requests)), (2, 2))

    def test_a_token_that_chat_refuses_for_good_ends_it(self):
        # The service gives the same token again, so a second try is useless.
        app = relayed_once()
        service = self.serve(lambda _: app)
        self.chat.troubles = [(401, {"error": "auth_bad_access_token", "error_description": "Unable to authenticate"}, {})] * 9
        self.refused(self.run_script("register", "alice", tokenmint=service.url), 1, "alice: Chat: 401 auth_bad_access_token")
        self.assertEqual((len(service.requests), len(self.chat.requests)), (2, 1))
        # The service gives another token, and Chat refuses that too. There is no third try.
        fresh = self.serve(lambda request: relayed(request, f"?expires_in={600 + len(fresh.requests)}"))
        self.chat.requests.clear()
        self.refused(self.run_script("register", "alice", tokenmint=fresh.url), 1, "401")
        self.assertEqual((len(fresh.requests), len(self.chat.requests)), (2, 2))

    def test_what_passes_is_tried_again(self):
        limit = (429, {"error": "reach_limit", "error_description": "This request has reached api limit"}, {"Retry-After": "1"})
        lost = lambda request: request.connection.shutdown(socket.SHUT_RDWR) or (200, {}, {})
        self.chat.troubles = [limit, (503, b"<html>", {}), lost]
        self.assertEqual(self.registered(self.run_script("register", "alice")), [{"username": "alice", "registered": "now"}])
        first, second = (request.at for request in self.chat.requests[:2])
        self.assertEqual(len(self.chat.requests), 4)
        self.assertGreaterEqual(second - first, 1, "it waits as long as it is told")
        # Every attempt sends the same password, because any of them may have registered the user.
        self.assertEqual(len({request.body for request in self.chat.requests}), 1)

    def test_it_gives_up_in_the_end(self):
        self.chat.troubles = [(500, {"error": "web_application"}, {})] * 9
        self.refused(self.run_script("--attempts=3", "register", "alice"), 1, "alice: Chat: 500 web_application")
        self.assertEqual(len(self.chat.requests), 3)

    def test_silence_and_drip_are_timed_out(self):
        ended = threading.Event()
        self.addCleanup(ended.set)

        def silence(_):
            ended.wait(30)
            return 200, {}, {}

        def drip(request):
            request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            try:
                while not ended.wait(0.1):
                    request.wfile.write(b" ")
            except OSError:
                pass
            return 200, {}, {}

        for trouble in (silence, drip):
            self.chat.troubles = [trouble] * 2
            done = self.run_script("--timeout=1", "--attempts=2", "register", "alice")
            self.refused(done, 1, "alice: Chat: no answer (", "imeout")

    def test_what_does_not_pass_is_not_tried_again(self):
        for status, error in ((400, "illegal_argument"), (403, "exceed_limit"), (404, "organization_application_not_found")):
            self.chat.requests.clear()
            self.chat.troubles = [lambda request, it=(status, error): (it[0], {"error": it[1], "error_description": request.headers["Authorization"]}, {})]
            self.refused(self.run_script("register", "alice"), 1, f"alice: Chat: {status} {error}", "[token]")
            self.assertEqual(len(self.chat.requests), 1)

    def test_the_token_goes_nowhere_else(self):
        elsewhere = self.serve(lambda _: (200, {"entities": [{"username": "alice"}]}, {}))
        for status in (301, 302, 303, 307, 308):
            self.chat.troubles = [(status, {}, {"Location": f"{elsewhere.url}/org-1/app-1/users"})]
            self.refused(self.run_script("--attempts=1", "register", "alice"), 1, f"alice: Chat: {status}")
        self.assertEqual(elsewhere.requests, [])
        for url in ("http://chat.example.com/o/a", "ftp://localhost/o/a", "https://u:p@chat.example.com/o/a", "https://chat.example.com", "https://chat.example.com/o/a?b"):
            self.refused(self.run_script("register", "alice", chat=url), 2, "CHAT_URL")
        for url in ("http://tokens.example.com", "localhost:9000", "https://tokens.example.com"):
            self.refused(self.run_script("register", "alice", tokenmint=url), 2, "error: ")

    def test_a_token_that_is_due_stays_in_use_while_there_is_no_next_one(self):
        problem = {"type": "urn:tokenmint:problem:too-many-tokens", "title": "This caller got too many tokens.", "status": 429, "detail": "keep a token", "request_id": "1"}

        def due_at_once(request):
            if len(service.requests) > 1:
                return 429, problem, {"Retry-After": "60"}
            status, answer, headers = relayed(request)
            return status, answer | {"renew_at": answer["expires_at"] - answer["expires_in"]}, headers

        service = self.serve(due_at_once)
        started = time.monotonic()
        done = self.run_script("register", "alice", "bob", "carol", tokenmint=service.url)
        self.assertEqual([user["registered"] for user in self.registered(done)], ["now"] * 3)
        self.assertLess(time.monotonic() - started, 30, "nobody waits for a token that isn't needed yet")
        self.assertEqual(len(service.requests), 2, "not before Retry-After")

    def test_the_first_token_waits_as_long_as_the_service_says(self):
        def later(request):
            return relayed(request) if len(service.requests) > 1 else (429, {"title": "This caller got too many tokens."}, {"Retry-After": "1"})

        service = self.serve(later)
        self.assertEqual(len(self.registered(self.run_script("register", "alice", tokenmint=service.url))), 1)
        first, second = (request.at for request in service.requests)
        self.assertGreaterEqual(second - first, 1)

    def test_another_users_id_is_the_one_that_the_service_gives_to_the_vendors(self):
        cases = json.loads((ROOT / "tests/user-ids.json").read_text())
        self.assertGreater(len(cases), 10)
        for case in cases:
            self.assertEqual(chat_rest.hashed_user_id(case["claim"]), case["user_id"])
        with self.assertRaises(ValueError):
            chat_rest.hashed_user_id("")

    def test_users_are_registered_by_their_ids_in_the_jwt(self):
        cases = json.loads((ROOT / "tests/user-ids.json").read_text())
        done = self.run_script("register", "--hash-ids", *(case["claim"] for case in cases))
        self.assertEqual(self.registered(done), [{"claim": case["claim"], "username": case["user_id"], "registered": "now"} for case in cases])
        self.assertEqual(set(self.chat.users), {case["user_id"] for case in cases})
        self.chat.troubles = [(403, {"error": "exceed_limit"}, {})]
        self.refused(self.run_script("register", "--hash-ids", "auth0|1"), 1, "auth0|1: Chat: 403 exceed_limit")
        asked = len(self.chat.requests)
        self.refused(self.run_script("register", "--hash-ids", "auth0|2", ""), 2, "the claim must not be empty")
        self.refused(self.run_script("register", "auth0|2"), 2, "a Chat username is")
        self.assertEqual(len(self.chat.requests), asked)

    def test_bad_usernames_are_refused_before_anything_is_asked(self):
        for name in ("Alice", "", "a" * 65, "a b", "zoë", "a/b", "alice\n"):
            self.refused(self.run_script("register", "good", name), 2, "a Chat username is")
        self.assertEqual(self.chat.requests, [])

    def test_the_token_service_says_why_not(self):
        problem = {"type": "urn:tokenmint:problem:forbidden", "title": "No.", "status": 403, "detail": "a JWT never gets it", "request_id": "1"}
        for status, body, said in ((403, problem, "a JWT never gets it"), (403, {"message": "Forbidden"}, "Forbidden"), (200, {"token": "hello"}, "no app token")):
            service = self.serve(lambda _, it=(status, body): (*it, {}))
            self.refused(self.run_script("--attempts=1", "register", "alice", tokenmint=service.url), 1, "alice: token service", said)
            self.assertEqual(len(service.requests), 1)
        down = self.serve(lambda _: (503, problem, {"Retry-After": "0"}))
        self.refused(self.run_script("--attempts=2", "register", "alice", tokenmint=down.url), 1, "503")
        self.assertEqual((len(down.requests), self.chat.requests), (2, []))

    def test_an_odd_answer_is_reported_like_another(self):
        for status, body, headers in ((200, b"[" * 100_000, {}), (503, {}, {"Retry-After": "Tue, 14 Nov 99999 22:13:50 GMT"})):
            service = self.serve(lambda _, it=(status, body, headers): it)
            self.refused(self.run_script("--attempts=1", "register", "alice", tokenmint=service.url), 1, "alice: token service")

    def test_what_stays_on_this_machine_goes_through_no_proxy(self):
        proxy = self.serve(lambda _: (500, {}, {}))
        self.assertEqual(len(self.registered(self.run_script("register", "alice", http_proxy=proxy.url, no_proxy=""))), 1)
        self.assertEqual(proxy.requests, [])

    def test_where_it_is_deployed_the_service_is_asked_with_a_signature(self):
        def gateway(request):
            return relayed(request) if is_signed(request) else (403, {"message": "Forbidden"}, {})

        service = self.serve(gateway)
        done = self.run_script("--aws-region=eu-central-1", "register", "alice", tokenmint=service.url, **AWS)
        self.assertEqual(len(self.registered(done)), 1)
        self.assertEqual(service.requests[0].headers["X-Amz-Security-Token"], AWS["AWS_SESSION_TOKEN"])
        # First a signature with another key, then no signature.
        wrong = AWS | {"AWS_SECRET_ACCESS_KEY": "another"}
        self.refused(self.run_script("--aws-region=eu-central-1", "register", "bob", tokenmint=service.url, **wrong), 1, "403 Forbidden")
        self.refused(self.run_script("register", "bob", tokenmint=service.url), 1, "403 Forbidden")
        nobody = {"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"}
        self.refused(self.run_script("--aws-region=eu-central-1", "register", "bob", tokenmint=service.url, **nobody), 1, "no AWS credentials")


def relayed(request, query=""):
    """Asks the real service, and returns its answer."""
    asked = urllib.request.Request(TOKENMINT + request.path + query, headers={"Accept": request.headers["Accept"]})
    with urllib.request.urlopen(asked) as answer:
        return answer.status, json.load(answer), {}


def relayed_once():
    asked = urllib.request.Request(TOKENMINT + "/chat/app/token", headers={"Accept": "application/json"})
    with urllib.request.urlopen(asked) as answer:
        return answer.status, json.load(answer), {}


class Rules(unittest.TestCase):
    """The rules that all clients keep: clients/rules/cases.json. The script has no JWT, so it runs no case of those."""

    rules = json.loads((ROOT / "clients/rules/cases.json").read_text())

    @classmethod
    def setUpClass(cls):
        cls.server = subprocess.Popen([sys.executable, ROOT / "clients/rules/server.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        cls.base = f"http://127.0.0.1:{int(cls.server.stdout.readline())}"
        cls.addClassCleanup(cls.server.wait)
        cls.addClassCleanup(cls.server.stdout.close)
        cls.addClassCleanup(cls.server.stdin.close)

    def setUp(self):
        self.moment, self.waits = 0.0, []

        def sleep(seconds):
            self.waits.append(seconds)
            self.moment += seconds

        # The script's clock, and not that of the sockets.
        clock = unittest.mock.patch.multiple(chat_rest.time, monotonic=lambda: self.moment, sleep=sleep)
        clock.start()
        self.addCleanup(clock.stop)

    def run_of(self, case):
        return f"{self.base}/{uuid.uuid4()}/{case}"

    def asked(self, run):
        with urllib.request.urlopen(f"{run}/asked") as answer:
            return json.load(answer)

    def test_each_answer(self):
        self.assertGreater(len(self.rules["answers"]), 20)
        for rule in self.rules["answers"]:
            with self.subTest(f"{rule['case']}: {rule['what']}"):
                run, self.waits = self.run_of(rule["case"]), []
                token = chat_rest.AppToken(run, chat_rest.Client(rule.get("timeout", 10), attempts=20))
                ends = "token"
                try:
                    token.get()
                except chat_rest.Refused:
                    ends = "refused"
                self.assertEqual(ends, rule["ends"])
                bounds = [failure["wait"] for failure in rule["failures"] if "wait" in failure]
                self.assertEqual(len(self.waits), len(bounds))
                for wait, (shortest, longest) in zip(self.waits, bounds):
                    self.assertTrue(shortest <= wait <= longest, (wait, shortest, longest))
                self.assertGreaterEqual(sum(self.waits), rule.get("waits_in_all", 0))
                asked = self.asked(run)
                self.assertEqual([(it["path"], it["host"]) for it in asked], [("/chat/app/token", "127.0.0.1")] * rule["asked"])

    def test_each_renewal(self):
        # An app token has no privileges.
        rules = [rule for rule in self.rules["renewals"] if "privileges_in" not in rule["answers"][0]["token"]]
        self.assertGreater(len(rules), 2)
        for rule in rules:
            with self.subTest(f"{rule['case']}: {rule['what']}"):
                run, self.moment = self.run_of(rule["case"]), 0
                token = chat_rest.AppToken(run, chat_rest.Client(10, attempts=1))
                first = token.get()
                # The script asks only when it needs a token.
                renewed = min(rule["renewed_at"], rule["good_until"])
                self.moment = renewed - 0.5
                self.assertEqual((token.get(), len(self.asked(run))), (first, 1))
                self.moment = renewed
                if renewed < rule["good_until"]:
                    # The renewal is refused. So the token stays good until its own end.
                    self.assertEqual((token.get(), len(self.asked(run))), (first, 2))
                    self.moment = rule["good_until"] - 0.5
                    self.assertEqual((token.get(), len(self.asked(run))), (first, 2))
                    self.moment = rule["good_until"]
                with self.assertRaises(chat_rest.Refused):
                    token.get()

    def test_addresses(self):
        self.assertGreater(len(self.rules["addresses"]), 10)
        for rule in self.rules["addresses"]:
            with self.subTest(rule["url"]):
                taken = True
                try:
                    chat_rest.base_url(rule["url"], "TOKENMINT_URL")
                except ValueError:
                    taken = False
                self.assertEqual(taken, rule["taken"])


def is_signed(request):
    """Calculates AWS Signature Version 4 again from the request that came."""
    pattern = r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})"
    parts = re.fullmatch(pattern, request.headers["Authorization"] or "")
    if parts is None:
        return False
    key_id, day, region, service, names, signature = parts.groups()
    moment = request.headers["X-Amz-Date"]
    age = datetime.datetime.now(datetime.timezone.utc) - datetime.datetime.strptime(moment + "+0000", "%Y%m%dT%H%M%SZ%z")
    sent = "".join(f"{name}:{request.headers[name].strip()}\n" for name in names.split(";"))
    canonical = f"{request.command}\n{request.path}\n\n{sent}\n{names}\n{hashlib.sha256(request.body).hexdigest()}"
    scope = f"{day}/{region}/{service}/aws4_request"
    to_sign = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = ("AWS4" + AWS["AWS_SECRET_ACCESS_KEY"]).encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    right = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
    return (
        hmac.compare_digest(signature, right)
        and (key_id, region, service) == (AWS["AWS_ACCESS_KEY_ID"], "eu-central-1", "execute-api")
        and {"host", "x-amz-date", "x-amz-security-token"} <= set(names.split(";"))
        and abs(age) < datetime.timedelta(minutes=5)
    )


if __name__ == "__main__":
    unittest.main(verbosity=2)
