"""The container's image as an archive of the Open Container Initiative, made without Docker: https://github.com/opencontainers/image-spec.

It says what the last stage of the Dockerfile says, and has the released program in that stage's place. One archive holds all processors.
"""

import hashlib
import json
import re
import shlex
import time

from archives import gzipped, tarred

# Lambda's names of the processors, and those of images.
PLATFORMS = {"arm64": {"architecture": "arm64", "os": "linux", "variant": "v8"}, "x86_64": {"architecture": "amd64", "os": "linux"}}
TYPE = "application/vnd.oci.image"
# What the Dockerfile counts in.
UNITS = {"ms": 1_000_000, "s": 1_000_000_000, "m": 60_000_000_000}


def settings(dockerfile):
    """What the last stage of the Dockerfile says of a container: its `config`, and where the program is."""
    stage = dockerfile.split("\nFROM scratch\n")
    if len(stage) != 2:
        raise SystemExit("The last stage of the Dockerfile does not begin with FROM scratch.")
    config, program = {}, None
    for line in stage[1].splitlines():
        if not line or line.startswith("#"):
            continue
        word, rest = line.split(" ", 1)
        if word == "COPY" and (copied := re.fullmatch(r"--from=build \S+ /(\S+)", rest)):
            program = copied[1]
        elif word == "USER":
            config["User"] = rest
        elif word == "ENV":
            config["Env"] = shlex.split(rest)
        elif word == "EXPOSE":
            config["ExposedPorts"] = {f"{port}/tcp": {} for port in rest.split()}
        elif word == "ENTRYPOINT":
            config["Entrypoint"] = json.loads(rest)
        elif word == "CMD":
            config["Cmd"] = json.loads(rest)
        elif word == "HEALTHCHECK":
            options, command = rest.split(" CMD ", 1)
            # The specification does not know it. Docker reads it here all the same.
            health = {"Test": ["CMD", *json.loads(command)]}
            for option in options.split():
                name, number, unit = re.fullmatch(r"--([a-z-]+)=(\d+)(ms|s|m)", option).groups()
                health["".join(part.capitalize() for part in name.split("-"))] = int(number) * UNITS[unit]
            config["Healthcheck"] = health
        else:
            raise SystemExit(f"tools/release/image.py does not know this line of the Dockerfile: {line}")
    return config, program


def archive(dockerfile, programs, version, commit, epoch):
    """The archive. `programs`: the program's bytes for each processor."""
    config, program = settings(dockerfile)
    blobs = {}

    def blob(kind, data):
        """Keeps the data under its hash. Returns how others refer to it."""
        if not isinstance(data, bytes):
            data = json.dumps(data, sort_keys=True, separators=(",", ":")).encode()
        digest = hashlib.sha256(data).hexdigest()
        blobs[f"blobs/sha256/{digest}"] = data
        return {"mediaType": f"{TYPE}.{kind}", "digest": f"sha256:{digest}", "size": len(data)}

    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch))
    labels = {
        "org.opencontainers.image.title": "tokenmint",
        "org.opencontainers.image.version": version,
        "org.opencontainers.image.revision": commit,
        "org.opencontainers.image.licenses": "Apache-2.0",
    }
    manifests = []
    for processor, data in sorted(programs.items()):
        layer = tarred([(program, data, True)], epoch)
        layer_of = blob("layer.v1.tar+gzip", gzipped(layer))
        of_config = blob("config.v1+json", {
            **PLATFORMS[processor],
            "created": created,
            "config": config | {"Labels": labels},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
            "history": [{"created": created, "created_by": f"COPY /{program}"}],
        })
        manifest = {"schemaVersion": 2, "mediaType": f"{TYPE}.manifest.v1+json", "config": of_config, "layers": [layer_of], "annotations": labels}
        manifests.append(blob("manifest.v1+json", manifest) | {"platform": PLATFORMS[processor]})
    # One entry, so that nobody has to choose an image by its number. Programs choose the processor by themselves.
    index = blob("index.v1+json", {"schemaVersion": 2, "mediaType": f"{TYPE}.index.v1+json", "manifests": manifests})
    index["annotations"] = {"org.opencontainers.image.ref.name": version, "io.containerd.image.name": f"docker.io/library/tokenmint:{version}"}
    files = {
        "oci-layout": json.dumps({"imageLayoutVersion": "1.0.0"}).encode(),
        "index.json": json.dumps({"schemaVersion": 2, "mediaType": f"{TYPE}.index.v1+json", "manifests": [index]}, sort_keys=True).encode(),
    }
    return tarred([(name, data, False) for name, data in sorted((files | blobs).items())], epoch)
