"""An issuer of JWTs on this machine, with a key for each of two algorithms. It has an OpenID configuration and a key set."""

import base64
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value, length):
    return encoded(value.to_bytes(length, "big"))


class Issuer:
    def __init__(self):
        self.rsa = rsa.generate_private_key(65537, 2048)
        self.p256 = ec.generate_private_key(ec.SECP256R1())
        issuer = self

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self):
                found = issuer.documents().get(self.path)
                body = json.dumps(found).encode()
                self.send_response(200 if found else 404)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def documents(self):
        of_rsa, of_p256 = self.rsa.public_key().public_numbers(), self.p256.public_key().public_numbers()
        keys = [
            {"kty": "RSA", "kid": "RS256", "alg": "RS256", "use": "sig", "n": number(of_rsa.n, 256), "e": number(of_rsa.e, 3)},
            {"kty": "EC", "kid": "ES256", "alg": "ES256", "use": "sig", "crv": "P-256", "x": number(of_p256.x, 32), "y": number(of_p256.y, 32)},
        ]
        discovery = {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
        return {"/.well-known/openid-configuration": discovery, "/keys": {"keys": keys}}

    def jwt(self, algorithm, user, kid=None, **changes):
        """A JWT of this user. `kid`: another key's id. `changes`: claims."""
        now = int(time.time())
        claims = {"iss": self.url, "aud": "app", "sub": user, "iat": now, "exp": now + 3600} | changes
        header = {"alg": algorithm, "kid": kid or algorithm, "typ": "JWT"}
        signed = ".".join(encoded(json.dumps(part).encode()) for part in [header, claims])
        if algorithm == "RS256":
            signature = self.rsa.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        else:
            pair = utils.decode_dss_signature(self.p256.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
            signature = b"".join(part.to_bytes(32, "big") for part in pair)
        return f"{signed}.{encoded(signature)}"
