#!/usr/bin/env python3
"""Registers users with Agora Chat over REST, from a backend.

    TOKENMINT_URL=http://localhost:9000 CHAT_URL=https://a1.chat.agora.io/ORG/APP ./chat_rest.py register alice bob

The app token comes from Tokenmint's `GET /chat/app/token`. The script signs this request with AWS Signature Version 4,
unless the service runs on this machine. The app token may do anything in Chat. So it stays in memory, goes only to
CHAT_URL, and is never printed. The script needs Python 3.9 or newer. Signing needs botocore, which comes with boto3.
"""

import argparse
import email.utils
import hashlib
import http.client
import ipaddress
import json
import os
import random
import re
import secrets
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

# Chat's rule for usernames: 1 to 64 of these characters. Capitals are not allowed.
USERNAME = re.compile(r"[a-z0-9_.-]{1,64}")
# api-id.execute-api.REGION.amazonaws.com
GATEWAY = re.compile(r"[a-z0-9-]+\.execute-api\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?")
FIRST_BACKOFF_SECONDS = 0.5
LONGEST_BACKOFF_SECONDS = 30
# A longer Retry-After is treated as a mistake: the script waits only this long.
LONGEST_RETRY_AFTER_SECONDS = 600
LONGEST_ANSWER_BYTES = 1 << 20


class Failure(Exception):
    """Why a user isn't registered. Its text holds no token."""


class Refused(Failure):
    """The server refuses, and another try would not change that."""

    def __init__(self, status, error, message):
        super().__init__(message)
        self.status = status
        self.error = error


class Unavailable(Failure):
    """The server cannot answer now, but may later. `retry_after`: how many seconds it asks the client to wait."""

    def __init__(self, message, retry_after=0):
        super().__init__(message)
        self.retry_after = retry_after


def base_url(text, name):
    """An address to which a token may go: HTTPS, or this machine."""
    url = urllib.parse.urlsplit(text.rstrip("/"))
    host = url.hostname or ""
    if url.scheme not in ("http", "https") or not host or url.username or url.query or url.fragment:
        raise ValueError(f"{name} must be an https:// address of host and path")
    if url.scheme == "http" and not is_this_machine(host):
        raise ValueError(f"{name} must be https://, because a token goes there")
    return url.geturl()


def is_this_machine(host):
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def retry_after(headers):
    """How many seconds the server asks the client to wait. A date is compared with the server's own Date, never with this machine's clock."""
    asked = headers.get("Retry-After", "").strip()
    if re.fullmatch(r"[0-9]{1,9}", asked):
        return int(asked)
    try:
        then, now = (email.utils.mktime_tz(email.utils.parsedate_tz(text)) for text in (asked, headers.get("Date", "")))
    except (TypeError, ValueError, OverflowError):
        return 0
    return max(0, then - now)


class NoRedirects(urllib.request.HTTPRedirectHandler):
    """Follows no redirect, because Python would send the Authorization header to the new address too."""

    def redirect_request(self, *_):
        return None


class Client:
    """Sends one request at a time, and tries again if that may help."""

    def __init__(self, timeout, attempts):
        self.timeout = timeout
        self.attempts = attempts
        # Plain HTTP goes to this machine alone, and so through no proxy.
        proxies = {scheme: proxy for scheme, proxy in urllib.request.getproxies().items() if scheme == "https"}
        self.opener = urllib.request.build_opener(NoRedirects, urllib.request.ProxyHandler(proxies))

    def ask(self, what, make, read=lambda answer: answer):
        """Sends the request of `make()`, a new one each time, until one succeeds. Returns what `read` makes of the 200's JSON."""
        for attempt in range(self.attempts):
            try:
                return read(self.once(what, make()))
            except Unavailable as failure:
                if attempt + 1 == self.attempts:
                    raise
                # Exponential, with full jitter, so that backends that failed together do not all return together.
                backoff = random.uniform(0, min(LONGEST_BACKOFF_SECONDS, FIRST_BACKOFF_SECONDS * 2**attempt))
                time.sleep(min(failure.retry_after, LONGEST_RETRY_AFTER_SECONDS) + backoff)

    def once(self, what, request):
        try:
            with self.opener.open(request, timeout=self.timeout) as response:
                status, headers, text = response.status, response.headers, self.read(response)
        except urllib.error.HTTPError as error:
            with error:
                status, headers = error.code, error.headers
                try:
                    text = self.read(error)
                except OSError:
                    text = b""
        # HTTPException: the answer is not valid HTTP. OSError: time-outs, and urllib's own errors.
        except (http.client.HTTPException, OSError) as error:
            reason = getattr(error, "reason", error)
            raise Unavailable(f"{what}: no answer ({type(reason).__name__})") from None
        try:
            answer = json.loads(text)
        except (ValueError, RecursionError):
            answer = None
        answer = answer if isinstance(answer, dict) else {}
        if status == 200:
            return answer
        error = answer.get("error") or answer.get("type") or ""
        words = answer.get("error_description") or answer.get("detail") or answer.get("message") or ""
        said = ": ".join(str(part)[:200] for part in (error, words) if part)
        message = f"{what}: {status}" + (f" {said}" if said else "")
        # The server's message may repeat the token that it got.
        bearer = (request.get_header("Authorization") or "").removeprefix("Bearer ")
        message = message.replace(bearer, "[token]") if bearer else message
        if status >= 500 or status < 400 or status in (408, 425, 429):
            raise Unavailable(message, retry_after(headers))
        raise Refused(status, error, message)

    def read(self, response):
        """Reads the body within one time-out in all. The socket's own time-out starts again with each byte."""
        end = time.monotonic() + self.timeout
        text = b""
        while chunk := response.read1(1 << 16):
            text += chunk
            if time.monotonic() > end:
                raise TimeoutError
            if len(text) > LONGEST_ANSWER_BYTES:
                raise OSError("too much")
        return text


class AppToken:
    """Keeps the app token, and fetches the next one when it is due."""

    def __init__(self, url, client, region=None):
        self.url = base_url(url, "TOKENMINT_URL") + "/chat/app/token"
        self.client = client
        host = urllib.parse.urlsplit(self.url).hostname
        gateway = GATEWAY.fullmatch(host)
        self.region = region or (gateway and gateway[1])
        if self.region is None and not is_this_machine(host):
            raise ValueError("--aws-region is needed: the service's address doesn't name its AWS region")
        self.token = None
        self.due = 0
        self.end = 0

    def get(self):
        now = time.monotonic()
        if self.token is None or now >= self.end:
            self.renew()
        elif now >= self.due:
            try:
                self.take(self.client.once("token service", self.request()))
            except Unavailable as failure:
                # The token is still good. Ask again later, and not before Retry-After.
                wait = min(failure.retry_after, LONGEST_RETRY_AFTER_SECONDS) + random.uniform(0, LONGEST_BACKOFF_SECONDS)
                self.due = time.monotonic() + wait
            except Failure:
                # The token is still good. Another request would be refused, too.
                self.due = self.end
        return self.token

    def renew(self):
        """Fetches a token. Returns whether it differs from the last one."""
        before = self.token
        self.client.ask("token service", self.request, self.take)
        return self.token != before

    def take(self, answer):
        try:
            # When the server answered, its clock said expires_at minus expires_in. This machine's clock may be wrong.
            due = answer["renew_at"] - (answer["expires_at"] - answer["expires_in"])
            # A token that is about to expire would expire on its way to Chat.
            end = answer["expires_in"] - min(5, answer["expires_in"] / 10)
            token = answer["token"]
            if not re.fullmatch(r"007[A-Za-z0-9+/]+={0,2}", token) or answer["expires_in"] <= 0:
                raise ValueError
        except (KeyError, TypeError, ValueError):
            # It may be the page of a proxy.
            raise Unavailable("token service: the answer holds no app token") from None
        self.token, self.due, self.end = token, self.asked_at + due, self.asked_at + end

    def request(self):
        # A token's age counts from here, so it can only seem older than it is.
        self.asked_at = time.monotonic()
        headers = {"Accept": "application/json"}
        return urllib.request.Request(self.url, headers=self.signed(headers) if self.region else headers)

    def signed(self, headers):
        try:
            from botocore.auth import SigV4Auth
            from botocore.awsrequest import AWSRequest
            from botocore.session import Session
        except ImportError:
            raise Failure("signing needs botocore: pip install botocore") from None
        # Looks where AWS's own tools look: environment, profile, container, instance.
        credentials = Session().get_credentials()
        if credentials is None:
            raise Failure("there are no AWS credentials to sign with")
        request = AWSRequest("GET", self.url, headers=headers)
        SigV4Auth(credentials.get_frozen_credentials(), "execute-api", self.region).add_auth(request)
        return dict(request.headers.items())


class ChatRest:
    """Agora Chat's REST API of one app. `url` is https://HOST/ORG/APP. The console shows the three parts."""

    def __init__(self, url, app_token, client):
        self.url = base_url(url, "CHAT_URL")
        if not re.fullmatch(r"(/[A-Za-z0-9_.-]+){2}", urllib.parse.urlsplit(self.url).path):
            raise ValueError("CHAT_URL must end in /ORG/APP")
        self.app_token = app_token
        self.client = client

    def register(self, username, nickname=None):
        """Registers a user, and returns whether they are new. An existing user is not changed.

        If the answer of an attempt gets lost, that attempt may have registered the user. So after a retry, "exists
        already" may mean "registered just now". Chat requires a password. It is random and is not kept, because users
        log in with tokens.
        """
        check_username(username)
        user = {"username": username, "password": secrets.token_urlsafe(32)}
        if nickname is not None:
            user["nickname"] = nickname
        try:
            answer = self.call("POST", "/users", user)
        except Refused as refusal:
            if refusal.status == 400 and refusal.error == "duplicate_unique_property_exists":
                return False
            raise
        registered = [entity.get("username") for entity in answer.get("entities", [])]
        if registered != [username]:
            raise Failure("Chat: the answer doesn't name the user")
        return True

    def call(self, method, path, body):
        def ask(token):
            headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Accept": "application/json"}
            data = json.dumps(body).encode()
            return self.client.ask("Chat", lambda: urllib.request.Request(self.url + path, data, headers, method=method))

        try:
            return ask(self.app_token.get())
        except Refused as refusal:
            # The token has expired, or its app certificate has been replaced. A new token helps against both, once.
            if refusal.status != 401 or not self.app_token.renew():
                raise
            return ask(self.app_token.get())


def hashed_user_id(claim):
    """The user id that a service with `USER_ID_FORM=hash` gives to the vendors: the first 32 hexadecimal digits of the
    claim's SHA-256, in lower case.

    `claim` is the user's id at your identity provider, exactly as in the JWT, such as `auth0|5f7c8ec7c33c6c004bbafe82`.
    """
    # Without this check, all users without a claim would get one id.
    if not claim:
        raise ValueError("the claim must not be empty")
    return hashlib.sha256(claim.encode()).hexdigest()[:32]


def check_username(username):
    if not USERNAME.fullmatch(username):
        raise ValueError("a Chat username is 1 to 64 characters of a-z, 0-9, '_', '-' and '.'")


def main():
    parser = argparse.ArgumentParser(description="Registers users with Agora Chat. Prints a line of JSON for each.")
    parser.add_argument("--tokenmint-url", default=os.environ.get("TOKENMINT_URL"), help="the token service (TOKENMINT_URL)")
    parser.add_argument("--chat-url", default=os.environ.get("CHAT_URL"), help="https://HOST/ORG/APP (CHAT_URL)")
    parser.add_argument("--aws-region", help="sign for this region; read from an execute-api address")
    parser.add_argument("--timeout", type=float, default=10, help="seconds for an attempt")
    parser.add_argument("--attempts", type=int, default=5, help="of each request, at most")
    commands = parser.add_subparsers(required=True, dest="command")
    register = commands.add_parser("register", help="registers users that don't exist yet")
    register.add_argument("username", nargs="+", help="with --hash-ids: the user's id in the JWT")
    register.add_argument("--hash-ids", action="store_true", help="the service has USER_ID_FORM=hash: register the hash of each id")
    register.add_argument("--nickname", help="for all of them")
    arguments = parser.parse_args()
    try:
        if not arguments.tokenmint_url or not arguments.chat_url:
            raise ValueError("TOKENMINT_URL and CHAT_URL are needed")
        if arguments.timeout <= 0 or arguments.attempts < 1:
            raise ValueError("--timeout and --attempts must be positive")
        users = [(name, hashed_user_id(name) if arguments.hash_ids else name) for name in arguments.username]
        for _, username in users:
            check_username(username)
        client = Client(arguments.timeout, arguments.attempts)
        chat = ChatRest(arguments.chat_url, AppToken(arguments.tokenmint_url, client, arguments.aws_region), client)
    except ValueError as error:
        parser.error(str(error))
    for name, username in users:
        try:
            new = chat.register(username, arguments.nickname)
        except Failure as failure:
            sys.exit(f"{name}: {failure}")
        claim = {"claim": name} if arguments.hash_ids else {}
        print(json.dumps(claim | {"username": username, "registered": "now" if new else "before"}), flush=True)


if __name__ == "__main__":
    main()
