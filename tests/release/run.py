"""Tests a release: `run.py [PART...]`. Prints a line for each thing that was shown, and ends at the first failure.

    build      makes the release twice, in two folders with other paths, and compares each byte. The first one becomes dist/
    contents   looks into dist/: hashes, zips, sizes, programs, bills of materials, the image, the templates
    image      lets buildah read the image, and runs it. Needs buildah and root
    deploy     deploys dist/ to an emulator of AWS, as docs/how-to/deploy-a-release.md says, mints, and updates
    terraform  deploys dist/ with the example of docs/how-to/terraform-and-cdk.md. Needs Terraform with its AWS provider
    cdk        the same with CDK. Needs the package aws-cdk-lib
"""

import base64
import copy
import hashlib
import json
import logging
import os
import platform
import re
import shutil
import struct
import subprocess
import sys
import time
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/stack"), str(ROOT / "tools/stack"), str(ROOT / "tools/release"), str(ROOT / "tools")]

from botocore.exceptions import ClientError  # noqa: E402
from document import Shell, blocks, scratch  # noqa: E402
from emulator import HOST, REGION, Emulator, begin, password  # noqa: E402
from expand_template import expanded  # noqa: E402
from left_out import complete  # noqa: E402
from packaged import key  # noqa: E402
from packing import fault_of_zip, of_image, of_templates  # noqa: E402
from reduced import reduced_release, unexpected  # noqa: E402
from resolve_template import ManagedPolicies  # noqa: E402
from samtranslator.translator.transform import transform  # noqa: E402
from samtranslator.yaml_helper import yaml_parse  # noqa: E402
from test import DEMO, NAME, Rows, Stack, asked, routes_of_the_functions  # noqa: E402

DIST = ROOT / "dist"
PAGE = ROOT / "docs/how-to/deploy-a-release.md"
OTHER_PAGE = ROOT / "docs/how-to/terraform-and-cdk.md"
MARK = "<!-- not run: make test-release runs it -->"
HERE = "arm64" if platform.machine() == "aarch64" else "x86_64"
# The machines of ELF, and Lambda's names of them.
MACHINES = {0xB7: "arm64", 0x3E: "x86_64"}
MOST_BYTES_OF_A_ZIP = 3_000_000


def hashes(folder):
    """The hash of each file, and whether it can be run."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): (hashlib.sha256(path.read_bytes()).hexdigest(), os.access(path, os.X_OK)) for path in files}


def build(rows):
    """Two releases, each from a copy of its own at another path of another length, with nothing in common except what cargo has downloaded."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release-test"
    found = []
    for name, out in [("one", DIST), ("another-folder/two", target / "dist-two")]:
        work = target / name
        shutil.rmtree(work, ignore_errors=True)
        began = time.monotonic()
        subprocess.run([sys.executable, ROOT / "tools/release/release.py", "--out", out, "--work", work], check=True)
        found.append(hashes(out))
        shutil.rmtree(work)
        rows.row(f"a release in {work.relative_to(target)}: {len(found[-1])} files, {time.monotonic() - began:.0f} s", found[-1])
    one, two = found
    rows.same("both have the same files", sorted(one), sorted(two))
    rows.same("no byte and no mode is different", [name for name in one if one[name] != two[name]], [])


def of_commit(said, file):
    """A file as it is in the commit of the release."""
    return subprocess.run(["git", "show", f"{said['commit']}:{file}"], cwd=ROOT, capture_output=True, text=True, check=True).stdout


def programs(release):
    """Each program of the release: its name, its processor and its bytes."""
    for file in sorted(DIST.glob(f"functions/{release}/*/*.zip")):
        with zipfile.ZipFile(file) as packed:
            yield file.stem, file.parent.name, packed.read("bootstrap")
    for file in sorted(DIST.glob("server/tokenmint-linux-*")):
        yield "tokenmint", file.name.removeprefix("tokenmint-linux-"), file.read_bytes()


def audited(file):
    """The packages that a program says are in it, as rust-audit-info reads them, without what only its build needs."""
    done = subprocess.run([os.environ["RUST_AUDIT_INFO"], file], capture_output=True, text=True)
    packages = json.loads(done.stdout)["packages"] if done.returncode == 0 else []
    return {(it["name"], it["version"]) for it in packages if it.get("kind", "runtime") == "runtime"}


def contents(rows, folder):
    said = json.loads((DIST / "build.json").read_text())
    release, processors = said["release"], sorted(path.name for path in (DIST / "server").iterdir())
    processors = [name.removeprefix("tokenmint-linux-") for name in processors]
    done = subprocess.run(["sha256sum", "--check", "--quiet", "--strict", "SHA256SUMS"], cwd=DIST, capture_output=True, text=True)
    rows.row("each file has the hash that SHA256SUMS says", done.returncode == 0, done.stdout, done.stderr)
    listed = [line.split("  ", 1)[1] for line in (DIST / "SHA256SUMS").read_text().splitlines()]
    rows.same("SHA256SUMS has every other file", sorted([*listed, "SHA256SUMS"]), sorted(hashes(DIST)))
    commit = subprocess.run(["git", "rev-parse", f"{said['commit']}^{{commit}}"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    rows.same("build.json names a commit of this repository", said["commit"], commit)

    (Path(folder) / "template.yaml").write_text(of_commit(said, "template.yaml"))
    template = expanded(str(Path(folder) / "template.yaml"))
    functions = {it["Metadata"]["BuildProperties"]["Binary"] for it in template["Resources"].values() if it["Type"] == "AWS::Serverless::Function"}
    zips = sorted(DIST.glob("functions/*/*/*.zip"))
    rows.same(f"a zip for each function and processor: {len(zips)}", [str(path.relative_to(DIST)) for path in zips], sorted(key(release, processor, name) for processor in processors for name in functions))
    faults = {f"{file.parent.name}/{file.name}": fault_of_zip(file.read_bytes()) for file in zips}
    rows.same("each zip holds the program `bootstrap`, and it can be run", {name: fault for name, fault in faults.items() if fault}, {})
    largest = max(zips, key=lambda file: file.stat().st_size)
    rows.row(f"the largest zip has {largest.stat().st_size:,} bytes: {largest.parent.name}/{largest.name}", largest.stat().st_size <= MOST_BYTES_OF_A_ZIP)

    listed_by_bill = {}
    for processor in processors:
        for package in ["functions", "prewarm", "tokenmint"]:
            bill = json.loads((DIST / f"sbom/{package}-{processor}.cdx.json").read_text())
            listed_by_bill[package, processor] = {(it["name"], it["version"]) for it in bill["components"]}
    bills = sorted((DIST / "sbom").iterdir())
    rows.same("a bill of materials for each package and processor", len(bills), 3 * len(processors))
    check = subprocess.run([os.environ["RELEASE_PYTHON"], ROOT / "tests/release/check_bills.py", *bills], capture_output=True, text=True)
    rows.row("CycloneDX's schema takes each", check.returncode == 0, check.stdout, check.stderr)
    here, count = str(ROOT), 0
    for name, processor, program in programs(release):
        what, (machine,) = f"{name} for {processor}", struct.unpack_from("<H", program, 18)
        if program[:4] != b"\x7fELF" or MACHINES.get(machine) != processor:
            rows.row(f"{what} is a program for it", False, machine)
        for path in [here.encode(), str(Path.home()).encode() + b"/", b".cargo/registry"]:
            if path in program:
                at = program.index(path)
                rows.row(f"{what} has no path of this machine", False, program[max(0, at - 80):at + 120])
        file = Path(folder) / "program"
        file.write_bytes(program)
        packages, package = audited(file), name if name in ("tokenmint", "prewarm") else "functions"
        if (package, said["version"]) not in packages:
            rows.row(f"{what} says which packages are in it", False, packages)
        if unlisted := packages - listed_by_bill[package, processor] - {(package, said["version"])}:
            rows.row(f"the bill has all that {what} says is in it", False, unlisted)
        count += 1
    rows.row(f"each of {count} programs is for its processor, has no path of this machine, and says which crates are in it. Its bill has them all", count == len(zips) + len(processors))
    servers = {processor: (DIST / f"server/tokenmint-linux-{processor}").read_bytes() for processor in processors}
    of_image(rows, (DIST / "image/tokenmint-oci.tar").read_bytes(), of_commit(said, "Dockerfile"), servers, said["version"])
    packaged, for_repository = (json.loads((DIST / name).read_text()) for name in ["template.json", "serverless-repo.json"])
    places, papers = of_templates(rows, template, packaged, for_repository, release)
    rows.row("   each zip, the licence and the readme are beside it", all((DIST / path).is_file() for path in [*places.values(), *papers]), places)
    rows.same("   the folder of the zips has the same template.json", (DIST / f"functions/{release}/template.json").read_text(), (DIST / "template.json").read_text())
    ours = DIST / f"server/tokenmint-linux-{HERE}"
    if ours.exists():
        done = subprocess.run([ours, "--version"], capture_output=True, text=True, env={})
        rows.row(f"the server runs: {done.stdout.strip()}", done.returncode == 0 and said["version"] in done.stdout, done.stderr)
        needs = subprocess.run(["readelf", "--dynamic", ours], capture_output=True, text=True, check=True).stdout
        rows.row("it needs no library", "NEEDED" not in needs, needs)


def image(rows, folder):
    """The image for this machine, as buildah reads and runs it. It knows nothing of how we made it."""
    storage = [f"--root={folder}/storage", f"--runroot={folder}/run", "--storage-driver=vfs"]

    def buildah(*command):
        done = subprocess.run(["buildah", *storage, *command], capture_output=True, text=True)
        assert done.returncode == 0, f"buildah {command[0]}: {done.stderr}"
        return done.stdout.strip()

    said = json.loads((DIST / "build.json").read_text())
    container = buildah("from", f"oci-archive:{DIST}/image/tokenmint-oci.tar")
    rows.row("buildah reads the image", container)
    seen = json.loads(buildah("inspect", "--type", "container", container))["Docker"]["config"]
    rows.same("   it finds the health check", seen["Healthcheck"]["Test"], ["CMD", "/tokenmint", "health"])
    printed = buildah("run", "--isolation", "chroot", container, "/tokenmint", "--version")
    rows.row(f"   the program runs in it: {printed}", said["version"] in printed, printed)
    # Its storage is made of mounts and folders that only buildah can remove.
    buildah("rm", "--all")


def unpacked(folder, emulator):
    """The release, unpacked for a deployer, with the template that the emulator can take. Its sums fit again."""
    unpacked = Path(folder) / "release"
    shutil.copytree(DIST, unpacked)
    original = json.loads((DIST / "template.json").read_text())
    template = reduced_release(original, emulator.port, HOST, HERE)
    if differing := unexpected(original, template):
        raise SystemExit(f"The reduced template differs from the release's without a reason: {differing}")
    release = json.loads((DIST / "build.json").read_text())["release"]
    changed(unpacked, {name: json.dumps(template, indent=1) for name in ["template.json", f"functions/{release}/template.json"]})
    return unpacked, template


def changed(folder, files):
    """Writes these files, and SHA256SUMS anew."""
    for name, text in files.items():
        (folder / name).write_text(text)
    names = sorted(set(hashes(folder)) - {"SHA256SUMS"})
    (folder / "SHA256SUMS").write_text("".join(f"{hashes(folder)[name][0]}  {name}\n" for name in names))


def inspected(token):
    """What the release's own program says of a token."""
    with scratch() as folder:
        file = Path(folder) / "credentials.json"
        file.write_text(json.dumps(DEMO))
        command = [DIST / f"server/tokenmint-linux-{HERE}", "inspect", "--json", "--credentials", file]
        done = subprocess.run(command, input=token, capture_output=True, text=True)
    return json.loads(done.stdout) if done.stdout else {"signature": {"verdict": done.stderr}}


def cli_alone(folder, emulator):
    """The environment of somebody who has the AWS CLI and no other tool of ours."""
    own = Path(folder) / "bin"
    own.mkdir()
    (own / "aws").symlink_to(ROOT / ".tools/stack-python/bin/aws")
    for tool in ["bash", "cat", "rm", "curl", "sha256sum"]:
        (own / tool).symlink_to(shutil.which(tool))
    kept = {name: os.environ[name] for name in ["HOME", "LANG"] if name in os.environ}
    return kept | emulator.environment | {"PATH": str(own)}


def deploy(rows, folder, emulator):
    """The page, block by block, by somebody who has the AWS CLI alone."""
    if of_commit(json.loads((DIST / "build.json").read_text()), "template.yaml") != (ROOT / "template.yaml").read_text():
        raise SystemExit("dist/ was made from another template.yaml. Run: make release")
    found = blocks(PAGE, MARK)
    rows.row(f"the page has {len(found)} blocks", len(found) == 7)
    check, secrets, upload, deployed, user, token, update = (block for _, block in found)
    release, template = unpacked(folder, emulator)
    environment = cli_alone(folder, emulator)
    shell = Shell(folder, environment)
    try:
        rows.row("the AWS CLI is the only tool: no cargo, no python, no sam", all(shutil.which(tool, path=environment["PATH"]) is None for tool in ["cargo", "python3", "sam", "node", "make"]))
        shell.run(f"cd {release}")
        rows.same("1. each file is whole", shell.run(check), "")
        typed = "".join(f"{json.dumps(DEMO[vendor])}\n\x04" for vendor in ["agora", "zego"])
        shell.run(secrets, typed)
        rows.row("2. the secrets are stored", all(":secret:tokenmint/" in shell.value(name) for name in ["AGORA", "ZEGO"]))
        shell.run(upload)
        bucket = shell.value("BUCKET")
        keys = {it["Key"] for it in emulator.client("s3").list_objects_v2(Bucket=bucket)["Contents"]}
        rows.same("3. the bucket has each zip, and the template", sorted(keys), sorted(name for name in hashes(DIST) if name.startswith("functions/")))
        printed = shell.run(deployed)
        rows.row("4. `aws cloudformation deploy` deploys", "Successfully created/updated stack" in printed, printed)
        complete(emulator.client, NAME, template)
        stack = Stack(emulator)
        expected = routes_of_the_functions(["JWT", "aws.cognito.signin.user.admin"])
        rows.same(f"   all {len(expected)} routes are there, each with its authorizer", stack.routes(), expected)
        same_code(rows, stack)
        shell.run(user, f"{password()}\n")
        jwt = shell.value("TOKEN")
        rows.row("5. Alice signs in", jwt.count(".") == 2)
        minted(rows, asked(shell, token))
        rows.same("   another user's token: 403", stack.status("GET", "/rtm/mallory/token", jwt=jwt), 403)
        rows.same("   no JWT: 401", stack.status("GET", "/rtc/demo/token"), 401)
        for path in ["/zego/me/token?room_id=demo", "/zim/me/token"]:
            zego, _ = stack.token("GET", path, jwt=jwt)
            verdict = inspected(zego)["signature"]["verdict"]
            rows.row(f"   a token of ZEGO's, {path}", zego.startswith("04") and verdict in ("genuine", "decrypted"), verdict)
        before = versions(stack)
        next_release(release)
        printed = shell.run(update)
        rows.row("an update: the next release is deployed with its template alone", "Successfully created/updated stack" in printed, printed)
        complete(emulator.client, NAME, json.loads((release / "template.json").read_text()))
        stack.refresh()
        after = versions(stack)
        rows.same("   each function has a new version, and the alias leads to it", [name for name in before if before[name] == after[name]], [])
        parameters = {it["ParameterKey"]: it["ParameterValue"] for it in emulator.client("cloudformation").describe_stacks(StackName=NAME)["Stacks"][0]["Parameters"]}
        rows.same("   every parameter has kept its value", (parameters["AllowedOrigins"], parameters["AgoraSecretArn"]), ("https://app.example.com", shell.value("AGORA")))
        minted(rows, asked(shell, token))
        for_the_repository(rows, folder, emulator, bucket)
    finally:
        shell.stop()


def for_the_repository(rows, folder, emulator, bucket):
    """What a publisher does before `sam publish`."""
    copy = Path(folder) / "as-it-is"
    shutil.copytree(DIST, copy)
    command = ["sam", "package", "--template-file", "serverless-repo.json", "--s3-bucket", bucket, "--output-template-file", "packaged.yaml"]
    done = subprocess.run(command, cwd=copy, env=emulator.programs(), capture_output=True, text=True)
    rows.row("`sam package` takes the template for the Serverless Application Repository", done.returncode == 0, done.stdout, done.stderr)
    packed = yaml_parse((copy / "packaged.yaml").read_text())
    said = packed["Metadata"]["AWS::ServerlessRepo::Application"]
    places = [it["Properties"]["CodeUri"] for it in packed["Resources"].values() if it["Type"] == "AWS::Serverless::Function"]
    rows.row("   code, licence and readme are then in the bucket", all(place.startswith(f"s3://{bucket}/") for place in [*places, said["LicenseUrl"], said["ReadmeUrl"]]), places, said)


def blocks_of_code(language):
    """The code of this language in the page about Terraform and CDK. There is one block."""
    [code] = re.findall(rf"^```{language}\n(.*?)^```$", OTHER_PAGE.read_text(), re.M | re.S)
    return code


def secrets(emulator):
    """Stores the demo credentials. Returns the ARN of each secret by the name of the pages' variable."""
    create = emulator.client("secretsmanager").create_secret
    return {vendor.upper(): create(Name=f"tokenmint/{vendor}", SecretString=json.dumps(DEMO[vendor]))["ARN"] for vendor in ["agora", "zego"]}


def mints(rows, emulator, name, template):
    """What the emulator leaves out of the stack is made. Then a user signs in and gets a token."""
    complete(emulator.client, name, template)
    stack = Stack(emulator, name)
    rows.same("   the output is there", bool(stack.outputs["ApiUrl"]), True)
    same_code(rows, stack)
    cognito, pool, word = emulator.client("cognito-idp"), stack.outputs["UserPoolId"], password()
    cognito.admin_create_user(UserPoolId=pool, Username="alice", MessageAction="SUPPRESS")
    cognito.admin_set_user_password(UserPoolId=pool, Username="alice", Password=word, Permanent=True)
    jwt = emulator.sign_in(stack.outputs, "alice", word)["access_token"]
    minted(rows, stack.ask("GET", "/rtc/demo/token", jwt=jwt)[2])
    rows.same("   no JWT: 401", stack.status("GET", "/rtc/demo/token"), 401)
    return stack


def terraform(rows, folder, emulator):
    """The example for Terraform, with the real program. TERRAFORM_PLUGINS may name a folder with the AWS provider."""
    if not shutil.which("terraform"):
        raise SystemExit("There is no terraform here.")
    [(_, apply)] = blocks(OTHER_PAGE, "<!-- not run: make test-release PARTS=terraform runs it -->")
    release, template = unpacked(folder, emulator)
    work = Path(folder) / "terraform"
    work.mkdir()
    (work / "tokenmint.tf").write_text(blocks_of_code("hcl"))
    form = subprocess.run(["terraform", "fmt", "-check", "-diff", work / "tokenmint.tf"], capture_output=True, text=True)
    rows.row("`terraform fmt` finds nothing to change", form.returncode == 0, form.stdout)
    # The emulator's buckets have no host names.
    (work / "here.tf").write_text('provider "aws" {\n  s3_use_path_style = true\n}\n')
    own = {"RELEASE": str(release), "CHECKPOINT_DISABLE": "1", "TF_CLI_CONFIG_FILE": os.devnull} | secrets(emulator)
    if plugins := os.environ.get("TERRAFORM_PLUGINS"):
        own["TF_CLI_ARGS_init"] = f"-plugin-dir={plugins}"
    shell = Shell(folder, emulator.programs() | own)
    try:
        shell.run(f"cd {work}")
        printed = shell.run(apply)
        rows.row("`terraform apply` deploys the release", "Apply complete!" in printed and "api_url" in printed, printed[-2000:])
        stack = mints(rows, emulator, NAME, template)
        before = versions(stack)
        next_release(release)
        printed = shell.run(apply.split("\n", 1)[1])
        rows.row("the next release: Terraform changes the stack", re.search(r"Apply complete! Resources: \d+ added, 1 changed", printed), printed[-2000:])
        after = versions(stack)
        rows.same("   each function has a new version", [name for name in before if before[name] == after[name]], [])
        printed = shell.run("terraform plan -detailed-exitcode " + apply.split("-auto-approve ")[1])
        rows.row("   then there is nothing to change", "No changes." in printed, printed[-2000:])
    finally:
        shell.stop()


def cdk(rows, folder, emulator):
    """The example for CDK, with the real library. CDK's own `deploy` needs more of AWS than the emulator has, so the AWS CLI deploys what
    the example makes. CDK_MODULES names the folder node_modules with aws-cdk-lib and constructs."""
    modules = os.environ.get("CDK_MODULES")
    if not modules:
        raise SystemExit("CDK_MODULES must name the folder node_modules that has aws-cdk-lib and constructs.")
    release, template = unpacked(folder, emulator)
    work = Path(folder) / "cdk"
    work.mkdir()
    (work / "app.mjs").write_text(blocks_of_code("js"))
    (work / "node_modules").symlink_to(Path(modules).resolve())
    bucket = "tokenmint-cdk"
    own = {"RELEASE": str(release), "BUCKET": bucket} | secrets(emulator)
    environment = emulator.programs() | own | {"CDK_OUTDIR": str(work / "out")}
    made = subprocess.run(["node", "app.mjs"], cwd=work, env=environment, capture_output=True, text=True)
    rows.row("the example makes a template", made.returncode == 0, made.stderr)
    # CloudFormation applies SAM's transform to nested stacks, and the emulator does not. So AWS's own translator does it beforehand.
    with_defaults = {name: it["Default"] for name, it in template["Parameters"].items() if "Default" in it}
    given = with_defaults | {"ReleaseBucket": bucket, "AgoraSecretArn": own["AGORA"], "ZegoSecretArn": own["ZEGO"]}
    name = json.loads((release / "build.json").read_text())["release"]
    plain = transform(copy.deepcopy(template), given, ManagedPolicies())
    (release / f"functions/{name}/template.json").write_text(json.dumps(plain, indent=1))
    # What `cdk bootstrap` leaves in an account.
    emulator.client("ssm").put_parameter(Name="/cdk-bootstrap/hnb659fds/version", Value="28", Type="String")
    for command in [
        ["aws", "s3", "mb", f"s3://{bucket}"],
        ["aws", "s3", "cp", "--recursive", "--only-show-errors", release / "functions", f"s3://{bucket}/functions"],
        ["aws", "cloudformation", "deploy", "--stack-name", "Tokens", "--template-file", work / "out/Tokens.template.json", "--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    ]:
        done = subprocess.run([str(word) for word in command], env=environment, capture_output=True, text=True)
        rows.row(f"`{' '.join(map(str, command[:3]))}`", done.returncode == 0, done.stdout, done.stderr)
    formation = emulator.client("cloudformation")
    [nested] = [it["PhysicalResourceId"] for it in formation.describe_stack_resources(StackName="Tokens")["StackResources"] if it["ResourceType"] == "AWS::CloudFormation::Stack"]
    [outer] = formation.describe_stacks(StackName="Tokens")["Stacks"]
    mints(rows, emulator, nested, template)
    rows.row("the outer stack has the API's address", any(it["OutputKey"] == "ApiUrl" and it["OutputValue"].startswith("http") for it in outer["Outputs"]), outer)


def minted(rows, printed):
    """The answer of the API holds a genuine token."""
    found = re.search(r'"token":"(007[^"]+)"', printed)
    rows.row("   the deployed function answers with a token", found, printed)
    rows.same("   the release's own program verifies it with the vendor's key", inspected(found[1])["signature"]["verdict"], "genuine")


def same_code(rows, stack):
    """Lambda has the bytes of the release."""
    differing = []
    for function, name in {"RtcToken": "rtc-token", "ZegoToken": "zego-token", "Prewarm": "prewarm"}.items():
        has = stack.client("lambda").get_function(FunctionName=stack.ids[function])["Configuration"]
        release = json.loads((DIST / "build.json").read_text())["release"]
        data = (DIST / key(release, HERE, name)).read_bytes()
        if has["CodeSha256"] != base64.b64encode(hashlib.sha256(data).digest()).decode() or has["Architectures"] != [HERE]:
            differing.append((function, has["CodeSha256"], has["Architectures"]))
    rows.same("   Lambda has the release's own zips", differing, [])


def versions(stack):
    """The version that the alias of each function leads to."""
    names = [name for name, of in stack.ids.items() if name in ("RtcToken", "RtmToken", "ZegoToken", "Prewarm")]
    return {name: stack.client("lambda").get_alias(FunctionName=stack.ids[name], Name="live")["FunctionVersion"] for name in names}


def next_release(folder):
    """Makes the release in this folder the next one: other names of the zips, and the template names them."""
    release = json.loads((folder / "build.json").read_text())["release"]
    new = "9.9.9-0123456789ab"
    (folder / "functions" / release).rename(folder / "functions" / new)
    names = ["template.json", f"functions/{new}/template.json", "build.json"]
    changed(folder, {name: (folder / name).read_text().replace(release, new) for name in names})


PARTS = {"deploy": deploy, "terraform": terraform, "cdk": cdk}


def main():
    begin()
    # The translator warns that nobody collects its metrics.
    logging.disable(logging.WARNING)
    # SAM's translator asks for a region.
    os.environ["AWS_DEFAULT_REGION"] = REGION
    parts = sys.argv[1:] or ["build", "contents", "deploy"]
    if unknown := set(parts) - {"build", "contents", "image", *PARTS}:
        raise SystemExit(f"PARTS may have build, contents, image, {', '.join(PARTS)}, and not {', '.join(unknown)}.")
    rows = Rows()
    if "build" in parts:
        build(rows)
    if not (DIST / "build.json").is_file():
        raise SystemExit("There is no dist/. Run: make release")
    try:
        with scratch() as folder:
            if "contents" in parts:
                contents(rows, folder)
        with scratch() as folder:
            if "image" in parts:
                image(rows, folder)
        for part in [part for part in parts if part in PARTS]:
            with scratch() as folder:
                emulator = Emulator(folder)
                try:
                    PARTS[part](rows, folder, emulator)
                except (AssertionError, ClientError):
                    (ROOT / "target").mkdir(exist_ok=True)
                    (ROOT / "target/release-emulator.log").write_text(emulator.log.read_text())
                    print("The emulator's log: target/release-emulator.log", file=sys.stderr)
                    raise
                finally:
                    emulator.stop()
    except (AssertionError, ClientError, subprocess.CalledProcessError) as failed:
        print(f"\n{failed}", file=sys.stderr)
        raise SystemExit(f"release: failed after {rows.count} rows") from None
    except KeyboardInterrupt:
        raise SystemExit(f"release: stopped after {rows.count} rows") from None
    print(f"release: {rows.count} rows passed in {time.monotonic() - rows.began:.0f} s")


if __name__ == "__main__":
    main()
