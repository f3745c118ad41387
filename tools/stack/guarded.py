"""Starts the emulator behind a guard. Whoever reaches the emulator may run programs through it: it believes several well-known keys, without
a signature, and every page of a browser may read its answers. So the guard lets in only requests with this run's own key, with a key that
the emulator itself must check, or for the API that was deployed.

The environment has the key (AWS_ACCESS_KEY_ID) and the port (GATEWAY_PORT).
"""

import hmac
import os
import re

import ministack.app as emulator

KEY, PORT = os.environ["AWS_ACCESS_KEY_ID"], os.environ["GATEWAY_PORT"]
API = re.compile(rf"[a-f0-9]{{8}}\.execute-api\.localhost:{PORT}")
# A custom domain that leads to a deployed API. Nobody can register a name in example.com, so no page comes from there.
DOMAIN = "tokens.example.com"
HERE = {f"{host}:{PORT}" for host in ["127.0.0.1", "localhost"]}
CREDENTIAL = re.compile(r"AWS4-HMAC-SHA256 Credential=([A-Za-z0-9]+)/")
# Keys that the emulator believes without a signature.
BELIEVED = re.compile(r"test|[0-9]{12}")
# Users sign in without AWS credentials, and everybody reads an issuer's keys.
SIGN_IN = {f"AWSCognitoIdentityProviderService.{name}" for name in ["InitiateAuth", "RespondToAuthChallenge"]}
KEYS = re.compile(r"/[\w-]+/\.well-known/(jwks\.json|openid-configuration)")


def refusal(scope):
    """Why a request must not reach the emulator. `None`: it may."""
    if scope["type"] != "http":
        return "only HTTP"
    headers = {}
    for name, value in scope["headers"]:
        headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    if any(len(headers.get(name, [])) > 1 for name in ["host", "authorization", "x-amz-target"]):
        return "a header that must be sent once"
    one = {name: values[0] for name, values in headers.items()}
    host, path = one.get("host", ""), scope["path"]
    if path.startswith("/_"):
        return None if path == "/_ministack/health" and host in HERE else "the emulator's own pages"
    to_api = API.fullmatch(host) or (host == DOMAIN and emulator._resolve_custom_domain_request(host, path) is not None)
    if host not in HERE and not to_api:
        return "another host's name"
    found = CREDENTIAL.match(one.get("authorization", ""))
    key = found[1] if found else None
    if key is not None and BELIEVED.fullmatch(key):
        return "a key that everybody knows"
    if to_api:
        # Pages may ask the API, as they may in AWS. No other service is behind this name.
        return "another service's request" if "x-amz-target" in one or b"Action=" in scope["query_string"] else None
    if "origin" in one or one.get("sec-fetch-site", "none") in ("cross-site", "same-site"):
        return "a page's request"
    if key is None:
        signs_in = scope["method"] == "POST" and one.get("x-amz-target") in SIGN_IN
        reads_keys = scope["method"] == "GET" and KEYS.fullmatch(path)
        return None if signs_in or reads_keys else "no key"
    # The emulator checks every other key and its signature.
    return None if hmac.compare_digest(key, KEY) or key.startswith(("AKIA", "ASIA")) else "an unknown key"


class Guard:
    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        why = None if scope["type"] == "lifespan" else refusal(scope)
        if why is None:
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            body = f"The emulator takes no such request: {why}.\n".encode()
            headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(body)).encode())]
            await send({"type": "http.response.start", "status": 403, "headers": headers})
            await send({"type": "http.response.body", "body": body})
        else:
            await send({"type": "websocket.close", "code": 1008})


emulator.app = Guard(emulator.app)

if __name__ == "__main__":
    emulator.main()
