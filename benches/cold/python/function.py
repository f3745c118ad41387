"""An RTM token function, written in the usual way."""

import json
import os

import boto3
from agoraiotools.RtmTokenBuilder2 import RtmTokenBuilder

client = boto3.client("secretsmanager")
secret = json.loads(client.get_secret_value(SecretId=os.environ["AGORA_SECRET_ID"])["SecretString"])


def answer(event):
    jwt = event.get("requestContext", {}).get("authorizer", {}).get("jwt", {})
    caller = jwt.get("claims", {}).get("sub")
    if not caller:
        return {"statusCode": 401}
    token = RtmTokenBuilder.build_token(secret["app_id"], secret["app_certificate"], caller, 3600)
    print(json.dumps({"level": "INFO", "message": "minted"}), flush=True)
    body = {"token": token, "kind": "agora-rtm", "app_id": secret["app_id"], "user_id": caller, "expires_in": 3600}
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": json.dumps(body)}
