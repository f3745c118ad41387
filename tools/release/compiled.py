"""Compiles a commit: every function and the server, for one processor. The same commit and tools give the same bytes.

Three things make it so. Only what is committed is compiled, from a copy. No path of this machine gets into a program. And zig, which is
pinned, is the C compiler and the linker of each program, whatever the machine has.
"""

import os
import shutil
import subprocess
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Lambda's names of the processors, and the compiler's.
PROCESSORS = {"arm64": "aarch64", "x86_64": "x86_64"}
# What every processor of Lambda can do at least. cargo-lambda names the same ones in release builds, but not if we set flags of our own.
LAMBDAS_OWN = {"arm64": "neoverse-n1", "x86_64": "haswell"}
# The folders of the functions' packages. SAM builds in each of them, so features are chosen as SAM's builds choose them.
FUNCTIONS = ["functions", "functions/prewarm"]


# Variables that change what cargo and C compilers make. The second list has beginnings of names.
OF_A_MAINTAINER = {"AR", "CC", "CXX", "RUSTFLAGS", "CARGO_INCREMENTAL"}
OF_A_MAINTAINER_TOO = (
    *("AR_", "AWS_LC_", "CC_", "CFLAGS", "CPPFLAGS", "CXX_", "CXXFLAGS", "HOST_", "LDFLAGS", "RUSTC", "TARGET_"),
    *("CARGO_BUILD_", "CARGO_ENCODED_", "CARGO_LAMBDA_", "CARGO_PROFILE_", "CARGO_TARGET_"),
)


def run(*command, **more):
    """What the command prints. It must succeed."""
    return subprocess.run([str(word) for word in command], check=True, text=True, stdout=subprocess.PIPE, **more).stdout.strip()


def copy_of(commit, folder):
    """A copy of the commit in this folder. A copy that is there already stays, so that cargo need not compile it again."""
    done = folder / ".commit"
    if not done.exists() or done.read_text() != commit:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        archive = subprocess.Popen(["git", "archive", commit], cwd=ROOT, stdout=subprocess.PIPE)
        # The files are as old as the copy. If they were as old as the commit, cargo could take another commit's programs for up to date.
        run("tar", "--extract", "--touch", "--directory", folder, stdin=archive.stdout)
        if archive.wait():
            raise SystemExit(f"git archive {commit} fails.")
        done.write_text(commit)
    return folder


def environment(source, target, epoch, tools):
    """The environment of the compiler: no path of this machine stays in what it writes."""
    home = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo"))
    # The last prefix that fits counts.
    prefixes = [(home, "/cargo"), *((folder, "/crates") for folder in sorted((home / "registry/src").glob("*")))]
    prefixes += [(target, "/target"), (source, "/tokenmint")]
    for folder, _ in prefixes:
        if " " in str(folder):
            raise SystemExit(f"The compiler's flags cannot name {folder}, because it has a space.")
    # What a maintainer has set for other builds must not change this one.
    kept = {name: value for name, value in os.environ.items() if name not in OF_A_MAINTAINER and not name.startswith(OF_A_MAINTAINER_TOO)}
    return kept | {
        "PATH": f"{tools}:{ROOT}/.venv/bin:{os.environ['PATH']}",
        "CARGO_INCREMENTAL": "0",
        "CARGO_TARGET_DIR": str(target),
        "CFLAGS": " ".join(f"-ffile-prefix-map={folder}={name}" for folder, name in prefixes),
        "RUSTFLAGS": " ".join(f"--remap-path-prefix={folder}={name}" for folder, name in prefixes),
        "SOURCE_DATE_EPOCH": str(epoch),
        "TZ": "UTC",
        "LC_ALL": "C",
    }


# The tables of cargo's settings that do not change what it makes. Cargo.lock has the hash of each crate, so its source may be any.
ALLOWED_SETTINGS = {"alias", "cache", "credential-alias", "http", "net", "registries", "registry", "source", "term"}


def no_settings_of_cargo(source):
    """Stops if cargo would read settings that change the programs, and that the commit does not have. Cargo reads them in its home, and in
    each folder above the source."""
    own = source / ".cargo/config.toml"
    committed = own.read_text() if own.exists() else None
    for folder in [Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo")), *(above / ".cargo" for above in source.parents)]:
        for file in [folder / "config.toml", folder / "config"]:
            if not file.is_file() or file.read_text() == committed:
                continue
            if others := set(tomllib.loads(file.read_text())) - ALLOWED_SETTINGS:
                raise SystemExit(f"{file} changes what cargo makes: {', '.join(sorted(others))}. Take this out while you make a release.")


def functions(source, env, processor, out):
    """Compiles every function, as SAM does it. Returns each program by its function's name."""
    triple = f"{PROCESSORS[processor]}-unknown-linux-gnu"
    env = env | {"RUSTFLAGS": f"{env['RUSTFLAGS']} -Ctarget-cpu={LAMBDAS_OWN[processor]}"}
    shutil.rmtree(out, ignore_errors=True)
    for folder in FUNCTIONS:
        build = ["cargo", "auditable", "lambda", "build", "--release", "--locked", "--target", triple, "--lambda-dir", out]
        subprocess.run([str(word) for word in build], cwd=source / folder, env=env, check=True)
    return {program.parent.name: program for program in sorted(out.glob("*/bootstrap"))}


def server(source, env, processor, out):
    """Compiles the program `tokenmint`, with all its libraries in it. Returns its path."""
    triple = f"{PROCESSORS[processor]}-unknown-linux-musl"
    # cargo-lambda knows how to link with zig. Its optimizations are for Lambda's processors alone.
    build = ["cargo", "auditable", "lambda", "build", "--profile", "server", "--disable-optimizations", "--locked", "--target", triple]
    build += ["--package", "tokenmint", "--bin", "tokenmint", "--lambda-dir", out]
    subprocess.run([str(word) for word in build], cwd=source, env=env, check=True)
    return out / "tokenmint/bootstrap"


def bills_of_materials(source, env, processor):
    """What is in the programs, as CycloneDX has it: the text for each package that makes programs."""
    libc = {"functions": "gnu", "functions/prewarm": "gnu", "tools/tokenmint": "musl"}
    found = {}
    for folder, of in libc.items():
        command = ["cargo", "cyclonedx", "--manifest-path", f"{folder}/Cargo.toml", "--format", "json", "--spec-version", "1.5", "--no-build-deps"]
        run(*command, "--target", f"{PROCESSORS[processor]}-unknown-linux-{of}", "--quiet", cwd=source, env=env)
        # It writes one beside each package of the workspace.
        for file in source.glob("**/*.cdx.json"):
            if file.parent == source / folder:
                # The names of our own packages are paths.
                found[file.stem.removesuffix(".cdx")] = file.read_text().replace(f"file://{source}", "file:///tokenmint")
            file.unlink()
    return found
