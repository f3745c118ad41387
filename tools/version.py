"""Sets the version everywhere: `make version VERSION=0.2.0`. Writes either every file or none.

What stands under "Unreleased" in CHANGELOG.md becomes this version's section, with today's date.
"""

import datetime
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
# https://semver.org gives this expression, but for the names of the groups.
NUMBER = r"(?:0|[1-9][0-9]*)"
WORD = rf"(?:{NUMBER}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
SEMVER = rf"(?P<core>{NUMBER}\.{NUMBER}\.{NUMBER})(?:-(?P<pre>{WORD}(?:\.{WORD})*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"

# Each place: a file, and an expression that ends where the version begins. It must match as often as the number says.
PLACES = [
    ("Cargo.toml", r'^\[workspace\.package\]\nversion = "', 1),
    ("fuzz/Cargo.toml", r'^\[package\]\n(?:\w+ = .*\n)*?version = "', 1),
    # In a lock file, our own crates are those without a source.
    ("Cargo.lock", r'^name = "[\w-]+"\nversion = "(?=[^"]*"\n(?!source))', None),
    ("fuzz/Cargo.lock", r'^name = "[\w-]+"\nversion = "(?=[^"]*"\n(?!source))', None),
    ("clients/web/package.json", r'^  "version": "', 1),
    ("clients/web/package-lock.json", r'^{\n  "name": "tokenmint-web",\n  "version": "', 1),
    ("clients/web/package-lock.json", r'^    "": {\n      "name": "tokenmint-web",\n      "version": "', 1),
    ("clients/kotlin/src/TokenService.kt", r'const val TOKENMINT_VERSION = "', 1),
    ("clients/swift/Sources/Tokenmint/TokenService.swift", r'public static let version = "', 1),
    ("openapi.yaml", r"^info:\n(?:  .*\n)*?  version: ", 1),
]


def key(version):
    """Sorts versions as https://semver.org/#spec-item-11 says."""
    match = re.fullmatch(SEMVER, version)
    core = [int(number) for number in match["core"].split(".")]
    words = [(0, int(word), "") if word.isdigit() else (1, 0, word) for word in (match["pre"] or "").split(".")]
    return core, match["pre"] is None, words


def released(changelog, version, today):
    """The changelog with a section for the version."""
    headings = re.findall(r"^## (\S+)", changelog, re.M)
    if "Unreleased" not in headings:
        sys.exit('CHANGELOG.md has no section "Unreleased".')
    versions = [heading for heading in headings if re.fullmatch(SEMVER, heading)]
    if versions and key(version) < key(versions[0]):
        sys.exit(f"{version} is lower than {versions[0]}, the newest version in CHANGELOG.md.")
    if version in versions:
        return changelog
    before, after = changelog.split("## Unreleased\n", 1)
    if not re.split(r"^## ", after, maxsplit=1, flags=re.M)[0].strip():
        sys.exit(f'CHANGELOG.md says nothing under "Unreleased". Write there what is new in {version}.')
    return f"{before}## Unreleased\n\n## {version} - {today}\n{after}"


def main():
    version = sys.argv[1] if len(sys.argv) == 2 else ""
    if not re.fullmatch(SEMVER, version):
        sys.exit(f'"{version}" is no version as https://semver.org has them. Example: make version VERSION=0.2.0')
    today = datetime.datetime.now(datetime.timezone.utc).date()
    texts = {"CHANGELOG.md": released((ROOT / "CHANGELOG.md").read_text(), version, today)}
    for file, place, times in PLACES:
        text = texts.get(file) or (ROOT / file).read_text()
        texts[file], found = re.subn(rf'({place})[^"\s]+', rf"\g<1>{version}", text, flags=re.M)
        if found != (times or max(found, 1)):
            sys.exit(f"{file} says its version in {found} places that look like {place}")
    for file, text in texts.items():
        (ROOT / file).write_text(text)
    print(f"{version} in {', '.join(texts)}")


main()
