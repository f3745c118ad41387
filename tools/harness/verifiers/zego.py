"""Opens ZEGO's tokens with an AES that is not ours: a JSON list of cases in, a list of verdicts out (see src/verifiers.rs)."""

import base64
import json
import struct
import sys

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7


def need(condition, reason):
    if not condition:
        raise ValueError(reason)


def cut(content, count):
    need(len(content) >= count, "it ends too early")
    return content[:count], content[count:]


def cut_counted(content):
    count, content = cut(content, 2)
    return cut(content, struct.unpack(">H", count)[0])


def open_token(token, server_secret):
    need(token.startswith("04"), "it is not version 04")
    content = base64.b64decode(token[2:], validate=True)
    expire, content = cut(content, 8)
    iv, content = cut_counted(content)
    sealed, content = cut_counted(content)
    need(not content, "bytes follow where it ends")
    key = server_secret.encode()
    need(len(key) == 32, "the server secret is not 32 bytes long")
    decryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor()
    unpadder = PKCS7(128).unpadder()
    plaintext = unpadder.update(decryptor.update(sealed) + decryptor.finalize()) + unpadder.finalize()
    fields = json.loads(plaintext)
    verdict = {"valid": True, "expire": struct.unpack(">q", expire)[0], "iv": iv.decode(), "plaintext": plaintext.decode()}
    need(fields["expire"] == verdict["expire"], "its two moments of expiry differ")
    verdict["fields"] = fields
    try:
        verdict["payload"] = json.loads(fields["payload"])
    except ValueError:
        verdict["payload"] = None
    return verdict


def verify(case):
    try:
        return open_token(case["token"], case["server_secret"])
    # With a wrong secret, the padding is bad, or the text is not such JSON.
    except (ValueError, KeyError, TypeError) as error:
        return {"valid": False, "reason": str(error) or type(error).__name__}


json.dump([verify(case) for case in json.load(sys.stdin.buffer)], sys.stdout)
