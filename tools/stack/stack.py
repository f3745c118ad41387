"""Deploys the whole stack to an emulator of AWS on this machine, signs a user in, and prints what to try. It stays until Ctrl-C."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tools/stack"), str(ROOT / "tools")]

from document import scratch  # noqa: E402
from emulator import REGION, Emulator, begin, password  # noqa: E402

NAME, USER = "tokenmint", "alice"


def deploy(emulator):
    """Stores the demo credentials, deploys, and returns the stack's outputs."""
    credentials = json.loads((ROOT / "tests/demo-credentials.json").read_text())
    given = {}
    for vendor, parameter in [("agora", "AgoraSecretArn"), ("zego", "ZegoSecretArn")]:
        secret = emulator.client("secretsmanager").create_secret(Name=f"tokenmint/{vendor}", SecretString=json.dumps(credentials[vendor]))
        given[parameter] = secret["ARN"]
    given |= dict(pair.split("=", 1) for pair in os.environ.get("PARAMETERS", "").split())
    parameters = " ".join(f"{name}={value}" for name, value in given.items())
    subprocess.run(["make", "deploy", f"PARAMETERS={parameters}"], cwd=ROOT, env=emulator.programs(), check=True)
    [stack] = emulator.client("cloudformation").describe_stacks(StackName=NAME)["Stacks"]
    return {it["OutputKey"]: it["OutputValue"] for it in stack["Outputs"]}


def sign_in(emulator, outputs):
    """Makes a user, and returns the user's access token. Without a user pool there is none."""
    pool = outputs.get("UserPoolId")
    if not pool:
        return None
    secret, cognito = password(), emulator.client("cognito-idp")
    cognito.admin_create_user(UserPoolId=pool, Username=USER, MessageAction="SUPPRESS")
    cognito.admin_set_user_password(UserPoolId=pool, Username=USER, Password=secret, Permanent=True)
    return emulator.sign_in(outputs, USER, secret)["access_token"]


def main():
    begin()
    with scratch() as folder:
        emulator = Emulator(folder)
        try:
            outputs = deploy(emulator)
            token = sign_in(emulator, outputs)
            print(f"\nThe API: {outputs['ApiUrl']}")
            if token:
                print(f"{USER} is signed in. Ask as {USER}:\n")
                print(f'curl -H "Authorization: Bearer {token}" "{outputs["ApiUrl"]}/rtc/demo/token"\n')
            print("For the AWS CLI (.tools/stack-python/bin/aws), in another terminal:\n")
            key = emulator.environment["AWS_ACCESS_KEY_ID"]
            print(f"export AWS_ENDPOINT_URL={emulator.url} AWS_REGION={REGION} AWS_ACCESS_KEY_ID={key} AWS_SECRET_ACCESS_KEY=test\n")
            print("Ctrl-C ends it all, and nothing is left.", flush=True)
            emulator.process.wait()
            raise SystemExit("The emulator has ended by itself.")
        except KeyboardInterrupt:
            print()
        except subprocess.CalledProcessError as failed:
            raise SystemExit(f"This failed: {failed.cmd[0]} {failed.cmd[1]}") from None
        finally:
            emulator.stop()


if __name__ == "__main__":
    main()
