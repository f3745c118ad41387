"""A server for RTC tokens with the vendor's package, written in the usual way."""

import json
import os
import re
from datetime import datetime, timezone

import jwt
from agoraiotools.RtcTokenBuilder2 import Role_Subscriber, RtcTokenBuilder
from fastapi import FastAPI, Header, HTTPException
from fastapi.responses import JSONResponse

APP_ID = os.environ["APP_ID"]
APP_CERTIFICATE = os.environ["APP_CERTIFICATE"]
JWT_ISSUER = os.environ["JWT_ISSUER"]
JWT_AUDIENCE = os.environ["JWT_AUDIENCE"]
EXPIRES_IN = 3600
CHANNEL = re.compile(r"[a-zA-Z0-9 !#$%&()+\-:;<=.>?@\[\]^_{}|~,]{1,64}")

keys = jwt.PyJWKClient(os.environ["JWT_KEYS_URL"], cache_keys=True)
app = FastAPI(openapi_url=None)


def caller(authorization):
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise HTTPException(401)
    try:
        claims = jwt.decode(
            token,
            keys.get_signing_key_from_jwt(token),
            algorithms=["RS256"],
            issuer=JWT_ISSUER,
            audience=JWT_AUDIENCE,
            options={"require": ["exp", "sub"]},
        )
    except jwt.PyJWTError as error:
        raise HTTPException(401) from error
    return claims["sub"]


@app.get("/rtc/{channel}/token")
async def rtc_token(channel: str, account: str | None = None, authorization: str | None = Header(default=None)):
    user = caller(authorization)
    account = account or user
    if not CHANNEL.fullmatch(channel):
        raise HTTPException(400)
    if account != user:
        raise HTTPException(403)
    token = RtcTokenBuilder.build_token_with_user_account(
        APP_ID, APP_CERTIFICATE, channel, account, Role_Subscriber, EXPIRES_IN, EXPIRES_IN
    )
    now = datetime.now(timezone.utc).isoformat()
    print(json.dumps({"timestamp": now, "level": "INFO", "message": "minted", "status": 200}), flush=True)
    body = {"token": token, "kind": "agora-rtc", "app_id": APP_ID, "channel": channel, "account": account}
    return JSONResponse({**body, "expires_in": EXPIRES_IN}, headers={"cache-control": "no-store"})
