"""Takes the code out of a page, and tests it with the rules of all clients: clients/rules/cases.json.

    python tests/it/pages/rules.py plain-rest      # docs/how-to/plain-rest.md: Python
    python tests/it/pages/rules.py unity           # docs/how-to/unity.md: C#, compiled with Mono

The code runs on a clock of the test. So no wait takes time. With TOKENMINT_URL the code also gets two tokens from a real service.
The code of a page hands each token on and keeps none. So the tests do not use `good_until` of the renewals.
"""

import base64
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import types
import unittest
import urllib.request
import uuid

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[2]
RULES = json.loads((ROOT / "clients/rules/cases.json").read_text())
JWT = "head.body.sig"
# No run has more requests, failures and tokens than this.
MOST = 40


def blocks(page, language):
    """The page's blocks in this language. The first one is the client."""
    text = (ROOT / "docs/how-to" / f"{page}.md").read_text()
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


class Python:
    """Runs the page's code in this process."""

    def __init__(self, _):
        self.page = types.ModuleType("plain_rest")
        exec(compile(blocks("plain-rest", "python")[0], "plain-rest.md", "exec"), self.page.__dict__)
        self.page.time = types.SimpleNamespace(monotonic=lambda: self.now)
        self.now = 0.0

    def close(self):
        pass

    def run(self, url, path, jwt, timeout, tokens):
        """Runs until there are this many tokens, or until the end. Each entry says when something happened: `asked`, `token`,
        `failed` with its reason and the wait that it announces, or `refused`."""
        self.now, happened = 0.0, []

        def asked():
            if len(happened) > MOST:
                raise AssertionError(f"this does not end: {happened}")
            happened.append(("asked", self.now))
            return jwt

        def on_token(answer):
            happened.append(("token", self.now, answer["token"]))
            if sum(it[0] == "token" for it in happened) == tokens:
                keeper.stop()
            else:
                keeper.renew()

        def on_failure(reason, wait):
            happened.append(("failed", self.now, reason, wait))
            # An SDK that warns now does not cut the wait short.
            keeper.renew()

        try:
            keeper = self.page.TokenKeeper(url, path, asked, on_token, on_failure, timeout)
        except ValueError:
            return [("address", self.now)]
        # The events wait on the test's clock.
        for event in (keeper.warned, keeper.stopped):
            event.wait = lambda seconds, event=event: self.passes(0 if event.is_set() else seconds)
        if self.quiet:
            keeper.renew = lambda: None
        try:
            keeper.run()
        except self.page.Refused:
            happened.append(("refused", self.now))
        return happened

    def passes(self, seconds):
        self.now += seconds

    quiet = False


class Mono:
    """Compiles the page's code together with Harness.cs and Sdks.cs, and speaks to it in lines."""

    def __init__(self, folder):
        subprocess.run([ROOT / "tools/debian-packages.sh", "mono"], check=True)
        files = [folder / f"Block{number}.cs" for number, _ in enumerate(blocks("unity", "csharp"))]
        for file, code in zip(files, blocks("unity", "csharp")):
            file.write_text(code)
        program = folder / "harness.exe"
        command = ["mcs", "-warnaserror", "-optimize+", "-r:System.Net.Http,System.Runtime.Serialization,System.Xml"]
        subprocess.run([*command, f"-out:{program}", *files, HERE / "Harness.cs", HERE / "Sdks.cs"], check=True)
        self.program = subprocess.Popen(["mono", program], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def close(self):
        self.program.stdin.close()
        self.program.wait()
        self.program.stdout.close()

    def run(self, url, path, jwt, timeout, tokens):
        words = [url, path, base64.b64encode(jwt.encode()).decode(), timeout, tokens, int(not self.quiet)]
        print(*words, sep="\t", file=self.program.stdin, flush=True)
        happened = []
        for line in self.program.stdout:
            what, *rest = line.rstrip("\n").split("\t")
            if what == "end":
                return happened
            if len(happened) > MOST:
                self.program.kill()
                raise AssertionError(f"this does not end: {happened}")
            now, *rest = rest
            happened.append((what, float(now), *([rest[0], float(rest[1])] if what == "failed" else rest)))
        raise AssertionError(f"the program has ended after {happened}")

    quiet = False


CODE = {"plain-rest": Python, "unity": Mono}


class Rules(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.code = CODE[PAGE](pathlib.Path(cls.folder.name))
        cls.server = subprocess.Popen([sys.executable, ROOT / "clients/rules/server.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        cls.address = f"http://127.0.0.1:{int(cls.server.stdout.readline())}"

    @classmethod
    def tearDownClass(cls):
        cls.code.close()
        cls.server.stdin.close()
        cls.server.wait()
        cls.server.stdout.close()
        cls.folder.cleanup()

    def setUp(self):
        self.code.quiet = False

    def at(self, case):
        return f"{self.address}/{uuid.uuid4()}/{case}"

    def asked(self, url):
        with urllib.request.urlopen(f"{url}/asked") as answer:
            return json.load(answer)

    def run_code(self, url, jwt=JWT, timeout=10, tokens=1):
        return self.code.run(url, "/rtm/me/token", jwt, timeout, tokens)

    def test_each_answer(self):
        self.assertGreater(len(RULES["answers"]), 20)
        for rule in RULES["answers"]:
            with self.subTest(rule["what"]):
                url = self.at(rule["case"])
                happened = self.run_code(url, timeout=rule.get("timeout", 10))
                self.assertEqual(happened[-1][0], rule["ends"], happened)
                retried = [failure for failure in rule["failures"] if "wait" in failure]
                failed = [it for it in happened if it[0] == "failed"]
                self.assertEqual([it[2] for it in failed], [failure["reason"] for failure in retried])
                # It waits as it says, and within the bounds.
                times = [it[1] for it in happened if it[0] == "asked"]
                waits = [after - before for before, after in zip(times, times[1:])]
                self.assertEqual(len(waits), len(retried))
                for failure, (_, _, _, said), waited in zip(retried, failed, waits):
                    shortest, longest = failure["wait"]
                    self.assertAlmostEqual(waited, said, places=3)
                    self.assertTrue(shortest - 1e-6 <= waited <= longest + 1e-6, f"{waited} s is not within {failure['wait']}")
                self.assertGreaterEqual(sum(waits), rule.get("waits_in_all", 0))
                asked = self.asked(url)
                self.assertEqual([it["path"] for it in asked], ["/rtm/me/token"] * rule["asked"])
                self.assertEqual({it["host"] for it in asked}, {"127.0.0.1"})
                self.assertEqual({it["authorization"] for it in asked}, {f"Bearer {JWT}"})

    def test_waits_have_a_random_part(self):
        waits = {it[3] for _ in range(5) for it in self.run_code(self.at("408")) if it[0] == "failed"}
        self.assertGreater(len(waits), 1)

    def test_each_renewal(self):
        self.assertGreater(len(RULES["renewals"]), 2)
        self.code.quiet = True
        for rule in RULES["renewals"]:
            with self.subTest(rule["what"]):
                url = self.at(rule["case"])
                happened = self.run_code(url, tokens=2)
                self.assertEqual([it[0] for it in happened], ["asked", "token", "asked", "refused"])
                self.assertAlmostEqual(happened[2][1], rule["renewed_at"], places=1)
                self.assertEqual(len(self.asked(url)), 2)

    def test_a_warning_renews_and_is_no_flood(self):
        url = self.at("renew-at")
        happened = self.run_code(url, tokens=2)
        self.assertEqual([it[0] for it in happened], ["asked", "token", "asked", "refused"])
        self.assertAlmostEqual(happened[2][1], 5, places=1)

    def test_each_address(self):
        self.assertGreater(len(RULES["addresses"]), 10)
        for rule in RULES["addresses"]:
            with self.subTest(rule["url"]):
                # It has no JWT, so it sends nothing.
                happened = self.run_code(rule["url"], jwt="")
                self.assertEqual(happened[-1][0], "refused" if rule["taken"] else "address")

    def test_each_jwt(self):
        self.assertGreater(len(RULES["jwts"]), 5)
        for rule in RULES["jwts"]:
            with self.subTest(rule["jwt"]):
                url = self.at("token")
                happened = self.run_code(url, jwt=rule["jwt"])
                self.assertEqual(happened[-1][0], "token" if rule["sent"] else "refused")
                sent = [it["authorization"] for it in self.asked(url)]
                self.assertEqual(sent, [f"Bearer {rule['jwt']}"] if rule["sent"] else [])

    @unittest.skipUnless("TOKENMINT_URL" in os.environ, "TOKENMINT_URL names no service")
    def test_a_real_service(self):
        happened = self.code.run(os.environ["TOKENMINT_URL"], "/rtm/alice/token", JWT, 10, 2)
        self.assertEqual([it[0] for it in happened], ["asked", "token", "asked", "token"])
        tokens = [it[2] for it in happened if it[0] == "token"]
        self.assertTrue(all(token.startswith("007") for token in tokens), tokens)


if __name__ == "__main__":
    PAGE = sys.argv.pop(1) if len(sys.argv) > 1 else ""
    if PAGE not in CODE:
        sys.exit(f"name a page: {', '.join(CODE)}")
    unittest.main(verbosity=2)
