"""AWS on this machine: `ministack`, an emulator without containers. It listens on loopback alone, behind a guard, and it ends with us."""

import json
import os
import secrets
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import boto3

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".tools/stack-python"
REGION = "eu-central-1"
ACCOUNT = "123456789012"
# The emulator finds an API by this host name behind the API's id. Every name below localhost means this machine.
HOST = "localhost"


def begin():
    """Call this first. SIGTERM and a closed terminal then end us as Ctrl-C does. And nothing that we start finds another AWS."""

    def end(*_):
        raise KeyboardInterrupt

    for sent in [signal.SIGTERM, signal.SIGHUP]:
        signal.signal(sent, end)
    for name in list(os.environ):
        if name.startswith(("AWS_", "SAM_CLI_")):
            del os.environ[name]


class Emulator:
    def __init__(self, folder):
        """Starts the emulator. It keeps its log in this folder."""
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        # The emulator lets these credentials do everything. It checks the policies of all others, because AUTH is true.
        self.environment = {
            # Only who knows this key may do anything: see `guarded.py`.
            "AWS_ACCESS_KEY_ID": "AKIA" + secrets.token_hex(16).upper(),
            "AWS_SECRET_ACCESS_KEY": "test",
            # No proxy may get what is for this machine.
            "NO_PROXY": "127.0.0.1,localhost,.localhost",
            "no_proxy": "127.0.0.1,localhost,.localhost",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ENDPOINT_URL_LAMBDA": self.url,
            "AWS_ENDPOINT_URL_SECRETS_MANAGER": self.url,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_PAGER": "",
            "SAM_CLI_TELEMETRY": "0",
        }
        self.log = Path(folder) / "emulator.log"
        own = {
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self.port),
            "MINISTACK_HOST": HOST,
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
            "MINISTACK_REGION": REGION,
            "AUTH": "true",
            # The keys that sign the users' JWTs. Elsewhere they would outlive us, and other runs would share them.
            "STATE_DIR": str(Path(folder) / "state"),
            # With these it would listen on all addresses.
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
        }
        # From our own environment it gets only what a program needs. The functions inherit it.
        kept = {name: os.environ[name] for name in ["PATH", "HOME", "LANG", "TMPDIR"] if name in os.environ}
        self.process = subprocess.Popen(
            [PYTHON / "bin/python", ROOT / "tools/stack/guarded.py"],
            env=kept | self.environment | own,
            stdout=self.log.open("w"),
            stderr=subprocess.STDOUT,
            cwd=folder,
            # A group of its own, so that the functions that it starts end with it.
            start_new_session=True,
        )
        self._wait()

    def _wait(self):
        ends = time.monotonic() + 60
        while time.monotonic() < ends:
            if self.process.poll() is not None:
                break
            try:
                urllib.request.urlopen(f"{self.url}/_ministack/health", timeout=1).close()
                return
            except OSError:
                time.sleep(0.2)
        raise SystemExit(f"The emulator does not start. Its log: {self.log}\n{self.log.read_text()[-2000:]}")

    def client(self, service, region=REGION, key=None):
        """A client of this AWS, as its administrator. `key`: the id and the secret of somebody else's key."""
        key, secret = key or (self.environment[f"AWS_{name}"] for name in ["ACCESS_KEY_ID", "SECRET_ACCESS_KEY"])
        session = boto3.Session(key, secret, region_name=region)
        return session.client(service, endpoint_url=self.url)

    def sign_in(self, outputs, user, password):
        """Signs a user in to the stack's own user pool, as an app does. Returns the tokens, or the error's name."""
        asked = {
            "pool": outputs["UserPoolId"],
            "client": outputs["UserPoolClientId"],
            "endpoint": self.url,
            "user": user,
            "password": password,
        }
        program = ["node", ROOT / "tools/stack/sign-in/sign-in.mjs"]
        done = subprocess.run(program, input=json.dumps(asked), capture_output=True, text=True, check=True)
        return json.loads(done.stdout)

    def programs(self):
        """The environment of programs that use this AWS. `make deploy` then takes our stand-in for SAM CLI, which has the administrator's key
        for what the emulator leaves out (STACK_KEY)."""
        path = f"{PYTHON}/bin:{ROOT}/.venv/bin:{os.environ['PATH']}"
        own = {"PATH": path, "SAM": "tools/stack/sam", "STACK_FOLDER": str(self.folder), "STACK_KEY": self.environment["AWS_ACCESS_KEY_ID"]}
        return os.environ | self.environment | own

    def listening(self):
        """The addresses on which the emulator's processes listen: 127.0.0.1, and others as the kernel writes them."""
        group = os.getpgid(self.process.pid)
        sockets = set()
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if os.getpgid(int(process.name)) == group:
                    sockets |= {os.readlink(link) for link in (process / "fd").iterdir()}
            except OSError:
                # It has ended meanwhile.
                continue
        found = set()
        for table in ["tcp", "tcp6"]:
            for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
                fields = line.split()
                # 0A: it listens.
                if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets:
                    address = fields[1].split(":")[0]
                    found.add("127.0.0.1" if address == "0100007F" else address)
        return found

    def stop(self):
        for sent in [signal.SIGTERM, signal.SIGKILL]:
            try:
                os.killpg(self.process.pid, sent)
                self.process.wait(timeout=10)
            except ProcessLookupError:
                return
            except subprocess.TimeoutExpired:
                continue


def password():
    """A password that the user pool accepts."""
    return f"Aa1!{secrets.token_urlsafe(18)}"
