"""Tests what packs a release, with a small program in place of the compiled ones: archives, the image, the templates. It needs no compiler
and takes some seconds. `run.py` holds a real release against the same rules."""

import base64
import gzip
import hashlib
import io
import json
import logging
import os
import re
import stat
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/stack"), str(ROOT / "tools/stack"), str(ROOT / "tools/release"), str(ROOT / "tools")]
# SAM's translator asks for a region.
os.environ["AWS_DEFAULT_REGION"] = "eu-central-1"

from archives import gzipped, zipped  # noqa: E402
from expand_template import expanded  # noqa: E402
from image import archive  # noqa: E402
from compiled import no_settings_of_cargo  # noqa: E402
from packaged import for_repository, from_bucket, key  # noqa: E402
from release import replaceable  # noqa: E402
from reduced import differences  # noqa: E402
from resolve_template import answer  # noqa: E402
from test import Rows  # noqa: E402

FUNCTION = "AWS::Serverless::Function"
MOST_BYTES_OF_AN_IMAGE = 25_000_000
# Lambda's names of the processors, by those of images.
PLATFORMS = {"amd64": "x86_64", "arm64": "arm64"}
# Where template.json may differ from template.yaml: in where the code is.
MAY_DIFFER = [
    r"/Parameters/(ReleaseBucket|ReleasePrefix|Architecture)",
    r"/Resources/\w+/Metadata",
    r"/Resources/\w+/Properties/CodeUri",
    r"/Globals/Function/Architectures/0",
    r"/Metadata/AWS::CloudFormation::Interface/ParameterGroups",
]
SECRET = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:tokenmint/{}-abcdef"


def fault_of_zip(data):
    """What Lambda would not like about a zip. `None`: nothing."""
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        entries = packed.infolist()
        mode = entries[0].external_attr >> 16
        if [entry.filename for entry in entries] != ["bootstrap"]:
            return "it has not bootstrap alone"
        if entries[0].create_system != 3 or not stat.S_ISREG(mode) or stat.S_IMODE(mode) != 0o755:
            return f"bootstrap cannot be run: {mode:o}"
        return packed.testzip()


def of_image(rows, data, dockerfile, programs, version):
    """An image, read as other programs read it: from index.json on, by hashes. `programs`: those that it must hold."""
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        blobs = {entry.name: tar.extractfile(entry).read() for entry in tar.getmembers() if entry.isfile()}
    rows.same("the image says that it is one", json.loads(blobs["oci-layout"]), {"imageLayoutVersion": "1.0.0"})

    def blob(of):
        found = blobs[of["digest"].replace("sha256:", "blobs/sha256/")]
        assert "sha256:" + hashlib.sha256(found).hexdigest() == of["digest"] and len(found) == of["size"], of
        return found

    [index] = json.loads(blobs["index.json"])["manifests"]
    seen = []
    for of in json.loads(blob(index))["manifests"]:
        manifest = json.loads(blob(of))
        config = json.loads(blob(manifest["config"]))
        [layer] = manifest["layers"]
        processor = PLATFORMS[config["architecture"]]
        files = gzip.decompress(blob(layer))
        rows.same(f"the image for {processor}: the layer has the hash that its settings say", config["rootfs"]["diff_ids"], ["sha256:" + hashlib.sha256(files).hexdigest()])
        with tarfile.open(fileobj=io.BytesIO(files)) as tar:
            [entry] = tar.getmembers()
            holds = entry.name, entry.mode, entry.uid, tar.extractfile(entry).read()
        rows.row("   it holds the program alone, and it can be run", holds == ("tokenmint", 0o755, 0, programs[processor]), holds[:3])
        rows.row(f"   {layer['size']:,} bytes packed, {len(files):,} unpacked", len(files) <= MOST_BYTES_OF_AN_IMAGE)
        own = config["config"]
        seen_here = own["User"], own["Entrypoint"] + own["Cmd"], own["Healthcheck"]["Test"], own["Healthcheck"]["Interval"]
        said = "65532:65532", ["/tokenmint", "serve"], ["CMD", "/tokenmint", "health"], 10_000_000_000
        rows.same("   its user, command and health check are the Dockerfile's", seen_here, said)
        rows.row("   its variables too", f"ENV {' '.join(own['Env'])}\n" in dockerfile, own["Env"])
        rows.same("   its version", own["Labels"]["org.opencontainers.image.version"], version)
        seen.append(processor)
    rows.same("an image for each processor", sorted(seen), sorted(programs))


def refusal(check, *arguments):
    """What the program says when it stops. Empty: it does not."""
    try:
        check(*arguments)
    except SystemExit as refused:
        return str(refused)
    return ""


def of_folders(rows, folder):
    """What a release must not delete, and the settings of a maintainer that it must not take."""
    new, empty, release, other, file = (folder / name for name in ["new", "empty", "release", "other", "file"])
    for made in [empty, release, other]:
        made.mkdir()
    for written in [release / "build.json", release / "SHA256SUMS", other / "build.json", other / "notes.txt", file]:
        written.write_text("")
    rows.same("a release takes a new or empty folder, or the folder of a release", [refusal(replaceable, it) for it in [new, empty, release]], ["", "", ""])
    rows.row("   it deletes nothing else", all("Name another folder" in refusal(replaceable, it) for it in [other, file, folder]))
    settings, source = other / ".cargo/config.toml", other / "deep/source"
    settings.parent.mkdir()
    settings.write_text('[net]\nretry = 3\n[source.mirror]\nregistry = "https://example.com"\n')
    rows.same("cargo may have settings about the network", refusal(no_settings_of_cargo, source), "")
    settings.write_text("[profile.release]\nopt-level = 0\n")
    said = refusal(no_settings_of_cargo, source)
    rows.row("   but none that change the programs", str(settings) in said and "profile" in said, said)
    (source / ".cargo").mkdir(parents=True)
    (source / ".cargo/config.toml").write_text(settings.read_text())
    rows.same("   unless the commit has the same ones", refusal(no_settings_of_cargo, source), "")


def of_templates(rows, original, packaged, for_repository, release):
    """Both templates of a release differ from template.yaml only in where code is."""
    found = [path for path in differences(original, packaged) if not any(re.fullmatch(pattern + "(/.*)?", path) for pattern in MAY_DIFFER)]
    rows.same("template.json is template.yaml, and says where the zips are", found, [])
    text = json.dumps(packaged, indent=1)
    rows.row(f"   it has {len(text):,} bytes; CloudFormation takes a million from a bucket", len(text) < 1_000_000)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "template.json"
        file.write_text(text)
        linted = subprocess.run(["sam", "validate", "--lint", "--template", file], cwd=ROOT, capture_output=True, text=True)
    rows.row("   `sam validate --lint` takes it", linted.returncode == 0, linted.stdout, linted.stderr)

    def deployed(template, **parameters):
        given = {"ReleaseBucket": "bucket", "ReleasePrefix": "some/folder/"} | {f"{vendor}SecretArn": SECRET.format(vendor.lower()) for vendor in ["Agora", "Zego"]}
        said = answer(template, given | {"DropIn": "true", "Classrooms": "true", "AgentTokens": "true", "JwtVerifier": "tokenmint"} | parameters, {}, {})
        assert "error" not in said, said
        return said["template"]["Resources"]

    functions = {name: of["Metadata"]["BuildProperties"]["Binary"] for name, of in original["Resources"].items() if of["Type"] == FUNCTION}
    for processor in packaged["Parameters"]["Architecture"]["AllowedValues"]:
        made = deployed(packaged, Architecture=processor)
        seen = {name: (of["Properties"]["Code"], of["Properties"]["Architectures"]) for name, of in made.items() if of["Type"] == "AWS::Lambda::Function"}
        expected = {name: ({"S3Bucket": "bucket", "S3Key": f"some/folder/{key(release, processor, binary)}"}, [processor]) for name, binary in functions.items()}
        rows.same(f"   AWS's translator finds the zip of each function for {processor}", seen, expected)

    def published(resources):
        return {name for name, of in resources.items() if of["Type"] == "AWS::Lambda::Version"}

    next_one = json.loads(text.replace(release, "9.9.9-0123456789ab"))
    before, after = published(deployed(packaged)), published(deployed(next_one))
    rows.row("   the next release publishes a new version of each function", len(before) == len(after) == len(functions) and not before & after, before & after)

    said = for_repository["Metadata"]["AWS::ServerlessRepo::Application"]
    fits = {
        "Name": "[a-zA-Z0-9-]{1,140}",
        "Description": ".{1,256}",
        "Author": "[a-z0-9](([a-z0-9]|-(?!-))*[a-z0-9])?",
        "SpdxLicenseId": "Apache-2.0",
        "SemanticVersion": re.escape(release.rsplit("-", 1)[0]),
    }
    wrong = [name for name, pattern in fits.items() if not re.fullmatch(pattern, said[name])]
    wrong += [label for label in said["Labels"] if not re.fullmatch(r"[a-zA-Z0-9+\-_:/@]{1,127}", label)]
    rows.same("serverless-repo.json: the metadata keeps AWS's rules", (wrong, len(said["Labels"]) <= 10), ([], True))
    places = {name: of["Properties"]["CodeUri"] for name, of in for_repository["Resources"].items() if of["Type"] == FUNCTION}
    first = packaged["Parameters"]["Architecture"]["AllowedValues"][0]
    rows.same("   it names each zip", places, {name: key(release, first, binary) for name, binary in functions.items()})
    return places, [said["LicenseUrl"], said["ReadmeUrl"]]


def main():
    # The translator warns that nobody collects its metrics.
    logging.disable(logging.WARNING)
    rows, epoch = Rows(), 1_800_000_001
    program = base64.b64encode(bytes(range(256)) * 40)
    packed = zipped("bootstrap", program, epoch)
    rows.same("a zip holds a program that can be run", fault_of_zip(packed), None)
    with zipfile.ZipFile(io.BytesIO(packed)) as back:
        rows.same("   its bytes are the program's", back.read("bootstrap"), program)
        rows.same("   its moment is the commit's, in UTC", back.infolist()[0].date_time, (2027, 1, 15, 8, 0, 0))
    rows.same("   packed again, it has the same bytes", zipped("bootstrap", program, epoch), packed)
    rows.row("   another program or moment has others", packed not in (zipped("bootstrap", program + b"x", epoch), zipped("bootstrap", program, epoch + 2)))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "packed.zip"
        file.write_bytes(packed)
        done = subprocess.run([sys.executable, "-m", "zipfile", "--test", file], capture_output=True, text=True)
        rows.row("   another program reads it", done.returncode == 0, done.stderr)
    rows.same("gzip: no moment and no name in the header", gzipped(program)[3:8], b"\0\0\0\0\0")
    rows.same("   its bytes come back", gzip.decompress(gzipped(program)), program)

    programs = {"arm64": program, "x86_64": program[::-1]}
    dockerfile = (ROOT / "Dockerfile").read_text()
    image = archive(dockerfile, programs, "1.2.3", "c" * 40, epoch)
    of_image(rows, image, dockerfile, programs, "1.2.3")
    rows.same("   made again, the image has the same bytes", archive(dockerfile, dict(reversed(programs.items())), "1.2.3", "c" * 40, epoch), image)
    said = refusal(archive, dockerfile + "VOLUME /data\n", programs, "1.2.3", "c" * 40, epoch)
    rows.row("   an unknown line of the Dockerfile stops it, and is named", "VOLUME /data" in said, said)

    with tempfile.TemporaryDirectory() as folder:
        of_folders(rows, Path(folder))

    template, release = expanded(str(ROOT / "template.yaml")), "1.2.3-cccccccccccc"
    of_templates(rows, template, from_bucket(template, release, ["arm64", "x86_64"]), for_repository(template, release, "arm64", "1.2.3"), release)
    print(f"packing: {rows.count} rows passed")


if __name__ == "__main__":
    main()
