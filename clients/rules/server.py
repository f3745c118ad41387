"""A token service that answers as `cases.json` says. The tests of all clients ask it.

    python3 server.py      # prints its port, and ends when its standard input ends

The address of a case is http://127.0.0.1:PORT/RUN/CASE. RUN is any word: each run of a case begins with the first answer. What comes
below this address is the client's own request. GET /RUN/CASE/asked says which requests came. It needs
Python 3.9 or newer, and nothing else.
"""

import json
import pathlib
import sys
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CASES = json.loads(pathlib.Path(__file__).with_name("cases.json").read_text())
ANSWERS = {it["case"]: it["answers"] for it in CASES["answers"] + CASES["renewals"]}
# The server's own clock, far from the client's. Clients may use only differences between its moments.
NOW = 1_700_000_000
PROBLEM = {"type": "urn:tokenmint:problem:x", "title": "A title.", "detail": "a detail", "request_id": "r-1"}


def token(number, given):
    """An answer with a token. Times are in seconds from now."""
    given = {"expires_in": 3600, "renew_in": 3000} | given
    privileges = {name: {"expires_at": NOW + end} for name, end in given.pop("privileges_in", {}).items()}
    answer = {"token": f"007eJx{number}", "kind": "agora-rtm", "app_id": "0" * 32, "user_id": "alice", "issued_at": NOW}
    answer |= {"expires_at": NOW + given["expires_in"], "expires_in": given["expires_in"], "renew_at": NOW + given.pop("renew_in")}
    return answer | ({"privileges": privileges} if privileges else {}) | given


class Run:
    """A client's run of one case."""

    def __init__(self, case):
        self.answers, self.asked = ANSWERS[case], []


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path, _, query = self.path.partition("?")
        run, case, *below = [urllib.parse.unquote(part) for part in path.lstrip("/").split("/")]
        with self.server.lock:
            if case not in ANSWERS:
                return self.say(404, {"title": f"cases.json has no case {case}."})
            kept = self.server.runs.setdefault((run, case), Run(case))
            if below == ["asked"]:
                return self.say(200, kept.asked)
            host = self.headers.get("Host", "").rsplit(":", 1)[0]
            # The service refuses parameters that it does not know. So the path has them.
            below = "/" + "/".join(below) + (f"?{query}" if query else "")
            kept.asked.append({"method": self.command, "host": host, "path": below, "authorization": self.headers.get("Authorization")})
            if "Cookie" in self.headers:
                return self.say(400, {"title": "A client keeps no cookies."})
            number = len(kept.asked)
        given = kept.answers[min(number, len(kept.answers)) - 1]
        self.answer(run, case, number, given)

    do_GET = do_POST = do_HEAD = do

    def answer(self, run, case, number, given):
        headers = dict(given.get("headers", {}))
        if "token" in given:
            # It stands first, so that no client finds a token in the beginning of what is too long.
            padding = {"padding": "x" * given["padding"]} if "padding" in given else {}
            return self.say(200, padding | token(number, given["token"]), headers)
        if "silent" in given:
            # Longer than any client of a test waits.
            time.sleep(given["silent"])
        if "silent" in given or "closed" in given:
            self.close_connection = True
            return None
        if "location" in given:
            # `elsewhere` is another host name of this server.
            host = "localhost" if given["location"] == "elsewhere" else "127.0.0.1"
            headers["Location"] = f"http://{host}:{self.server.server_port}/{run}/{case}/{given['location']}"
        if "echo" in given:
            problem = PROBLEM | {"status": given["status"], "detail": f"bad header: {self.headers.get('Authorization')}"}
            return self.say(given["status"], problem, {"Content-Type": "application/problem+json"})
        if "text" in given:
            headers.setdefault("Content-Type", "text/html")
            return self.say(given["status"], given["text"].encode(), headers)
        return self.say(given["status"], PROBLEM | {"status": given["status"]}, {"Content-Type": "application/problem+json"} | headers)

    def say(self, status, body, headers=None):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        # `send_response` would add the real date, which a case may replace.
        self.send_response_only(status)
        for name, value in ({"Content-Type": "application/json"} | (headers or {})).items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if status != 204 and self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock, self.runs = threading.Lock(), {}

    def handle_error(self, *_):
        """Prints nothing about clients that went away."""


if __name__ == "__main__":
    server = Server()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    sys.stdin.read()
