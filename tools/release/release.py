"""Makes a release of the last commit: `release.py --out dist`. What is not committed stays out. The same commit and tools give
the same bytes.

ARCHITECTURES (arm64 and x86_64 by default) is for trying out: a release has both.
"""

import argparse
import hashlib
import json
import os
import shutil
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tools")]

from archives import zipped  # noqa: E402
from compiled import PROCESSORS, bills_of_materials, copy_of, environment, functions, no_settings_of_cargo, run, server  # noqa: E402
from expand_template import expanded  # noqa: E402
from image import archive  # noqa: E402
from packaged import for_repository, from_bucket, key  # noqa: E402

# What Lambda unpacks slowly costs time at each cold start.
MOST_BYTES_OF_A_ZIP = 3_000_000


def versions(source, env):
    """What compiled this: the tools that must be the same for the same bytes. The Makefile and requirements.txt pin all but Rust's."""
    manifest = tomllib.loads((source / "Cargo.toml").read_text())["workspace"]["package"]
    rust = run("rustc", "--version", env=env, cwd=source)
    if not rust.startswith(f"rustc {manifest['rust-version']}."):
        raise SystemExit(f"A release is made with Rust {manifest['rust-version']}, and this is {rust}. Run: rustup default {manifest['rust-version']}")
    said = {"rustc": rust.split()[1]}
    # The Makefile installs each of these into a folder with its version in the name.
    said |= dict(Path(folder).parent.name.rsplit("-", 1) for folder in os.environ["RELEASE_TOOLS"].split(":"))
    said["cargo-lambda"] = run("cargo", "lambda", "--version", env=env, cwd=source).split()[1]
    said["zig"] = run("zig", "version", env=env)
    return manifest["version"], said


def template_of(source):
    """The template of the commit with its loops written out."""
    return expanded(str(source / "template.yaml"))


def replaceable(out):
    """The folder, if it is new, empty, or an earlier release. No other folder is emptied."""
    if out.exists() and not (out.is_dir() and (not any(out.iterdir()) or (out / "build.json").is_file() and (out / "SHA256SUMS").is_file())):
        raise SystemExit(f"{out} is not empty, and not a release. A release would replace all that is in it. Name another folder with --out.")
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="the release's folder. It is made anew")
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    parser.add_argument("--work", type=Path, default=target / "release-of-a-commit", help="where the commit is copied to and compiled")
    parser.add_argument("--commit", default="HEAD", help="what to release. The tools are always those of this folder")
    given = parser.parse_args()
    out, work = replaceable(given.out.resolve()), given.work.resolve()
    processors = os.environ.get("ARCHITECTURES", " ".join(PROCESSORS)).split()
    if not processors or not set(processors) <= set(PROCESSORS):
        raise SystemExit(f"ARCHITECTURES must be one or more of {' '.join(PROCESSORS)}, with spaces between them.")
    # The first one is the template's default.
    processors = [name for name in PROCESSORS if name in processors]
    commit = run("git", "rev-parse", f"{given.commit}^{{commit}}", cwd=ROOT)
    if run("git", "status", "--porcelain", cwd=ROOT):
        print("Some files are not committed. The release does not have them.", file=sys.stderr)
    epoch = int(run("git", "show", "--no-patch", "--format=%ct", commit, cwd=ROOT))
    source = copy_of(commit, work / "source")
    no_settings_of_cargo(source)
    env = environment(source, work / "target", epoch, os.environ["RELEASE_TOOLS"])
    version, tools = versions(source, env)
    release = f"{version}-{commit[:12]}"
    files, programs = {}, {}
    for processor in processors:
        for function, program in functions(source, env, processor, work / "out" / processor).items():
            packed = zipped("bootstrap", program.read_bytes(), epoch)
            if len(packed) > MOST_BYTES_OF_A_ZIP:
                raise SystemExit(f"The zip of {function} for {processor} has {len(packed)} bytes. It may have {MOST_BYTES_OF_A_ZIP}.")
            files[key(release, processor, function)] = packed
        programs[processor] = server(source, env, processor, work / "out/server" / processor).read_bytes()
        files[f"server/tokenmint-linux-{processor}"] = programs[processor]
        for package, bill in bills_of_materials(source, env, processor).items():
            files[f"sbom/{package}-{processor}.cdx.json"] = bill.encode()
    template = template_of(source)
    asked = {resource["Metadata"]["BuildProperties"]["Binary"] for resource in template["Resources"].values() if resource["Type"] == "AWS::Serverless::Function"}
    for processor in processors:
        made = {Path(name).stem for name in files if name.startswith(f"functions/{release}/{processor}/")}
        if made != asked:
            raise SystemExit(f"The template and the zips for {processor} do not have the same functions: {sorted(made ^ asked)}")
    files["template.json"] = json.dumps(from_bucket(template, release, processors), indent=1).encode()
    # For Terraform and CDK, which take it from the bucket. Each release has another address there, so they notice a new one.
    files[f"functions/{release}/template.json"] = files["template.json"]
    files["serverless-repo.json"] = json.dumps(for_repository(template, release, processors[0], version), indent=1).encode()
    files["image/tokenmint-oci.tar"] = archive((source / "Dockerfile").read_text(), programs, version, commit, epoch)
    files["build.json"] = json.dumps({"version": version, "commit": commit, "source_date_epoch": epoch, "release": release, "tools": tools}, indent=1).encode()
    for name in ["CHANGELOG.md", "LICENSE", "README.md"]:
        files[name] = (source / name).read_bytes()
    write(out, files)
    print(f"{release} is in {os.path.relpath(out)}: {len(files)} files, {sum(map(len, files.values())):,} bytes")


def write(out, files):
    """Makes the folder anew, with these files and their hashes, as `sha256sum --check SHA256SUMS` reads them."""
    shutil.rmtree(out, ignore_errors=True)
    sums = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in sorted(files.items()))
    for name, data in (files | {"SHA256SUMS": sums.encode()}).items():
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        path.chmod(0o755 if name.startswith("server/") else 0o644)


if __name__ == "__main__":
    main()
