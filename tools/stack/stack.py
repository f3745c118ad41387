"""Deploys the whole stack to an emulator of AWS on this machine, signs a user in, and prints what to try. It stays until Ctrl-C."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tools/stack"), str(ROOT / "tools")]

from document import scratch  # noqa: E402
from emulator import Emulator, begin, password  # noqa: E402

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


def environment(emulator, token):
    """Writes a file for another shell, which then uses this AWS as `emulator.programs()` says. It goes when we end. Returns its path."""
    programs = emulator.programs()
    lines = [f"cd {shlex.quote(str(ROOT))}", "unset AWS_PROFILE AWS_SESSION_TOKEN"]
    for name in [*emulator.environment, "PATH", "SAM", "STACK_FOLDER", "STACK_KEY"]:
        lines.append(f"export {name}={shlex.quote(programs[name])}")
    if token:
        lines.append(f"TOKEN={token}")
    file = Path(emulator.folder) / "environment"
    file.write_text("\n".join(lines) + "\n")
    return file


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
            print("For `aws`, `make deploy` and what the other pages say, give a second terminal its environment:\n")
            print(f". {environment(emulator, token)}\n")
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
