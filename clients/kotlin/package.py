#!/usr/bin/env python3
"""Makes the Kotlin client's package, in the layout of a Maven repository: package.py FOLDER. Prints the coordinates.

It compiles `src/` with the compiler of `node_modules` (`npm ci`), and needs a JDK and Android's org.json (tools/debian-packages.sh java). The same
sources and tools give the same bytes.
"""

import hashlib
import json
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
COMPILER = HERE / "node_modules/kotlin-compiler/lib"
HTTP = HERE / "node_modules/allure-commandline/dist/plugins/jira-plugin/lib"
# Android's own. On a device it is part of the system.
JSON = Path("/usr/share/java/com.android.json.jar")
GROUP, ARTIFACT = "tokenmint", "tokenmint-client"


def dependencies():
    """What the client is compiled against: group, artifact, version, and the file here."""
    [http] = HTTP.glob("okhttp-jvm-*.jar")
    coroutines = COMPILER / "kotlinx-coroutines-core-jvm.jar"
    with zipfile.ZipFile(coroutines) as jar:
        version = jar.read("META-INF/kotlinx_coroutines_core.version").decode().strip()
    kotlin = json.loads((COMPILER.parent / "package.json").read_text())["version"]
    return [
        ("com.squareup.okhttp3", "okhttp", http.stem.rsplit("-", 1)[1], http),
        ("org.jetbrains.kotlin", "kotlin-stdlib", kotlin, COMPILER / "kotlin-stdlib.jar"),
        ("org.jetbrains.kotlinx", "kotlinx-coroutines-core", version, coroutines),
    ]


def pom(version):
    needs = "".join(
        f"    <dependency>\n      <groupId>{group}</groupId>\n      <artifactId>{artifact}</artifactId>\n      <version>{of}</version>\n      <scope>compile</scope>\n    </dependency>\n"
        for group, artifact, of, _ in dependencies()
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<project xmlns="http://maven.apache.org/POM/4.0.0" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="http://maven.apache.org/POM/4.0.0 https://maven.apache.org/xsd/maven-4.0.0.xsd">
  <modelVersion>4.0.0</modelVersion>
  <groupId>{GROUP}</groupId>
  <artifactId>{ARTIFACT}</artifactId>
  <version>{version}</version>
  <packaging>jar</packaging>
  <name>Tokenmint for Kotlin</name>
  <description>Fetches tokens from a Tokenmint service, and keeps them fresh. On a JVM other than Android's it also needs an org.json.</description>
  <licenses>
    <license>
      <name>Apache-2.0</name>
      <url>https://www.apache.org/licenses/LICENSE-2.0.txt</url>
    </license>
  </licenses>
  <dependencies>
{needs}  </dependencies>
</project>
"""


def compiled(folder):
    classes = ":".join(map(str, [JSON, *(file for *_, file in dependencies())]))
    command = ["java", "-cp", COMPILER / "kotlin-compiler.jar", "org.jetbrains.kotlin.cli.jvm.K2JVMCompiler", "-kotlin-home", COMPILER.parent, "-no-reflect"]
    command += ["-no-stdlib", "-jvm-target", "11", "-Werror", "-module-name", ARTIFACT, "-cp", classes, "-d", folder, HERE / "src"]
    subprocess.run(list(map(str, command)), check=True)


def packed(file, folder, version):
    """A jar of this folder. Nothing in it depends on when it was made, or on a version of zlib."""
    manifest = f"Manifest-Version: 1.0\nImplementation-Title: {ARTIFACT}\nImplementation-Version: {version}\nAutomatic-Module-Name: tokenmint.client\n\n"
    entries = {"META-INF/MANIFEST.MF": manifest.encode(), "META-INF/LICENSE": (HERE / "../../LICENSE").read_bytes()}
    entries |= {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as jar:
        for name, data in entries.items():
            jar.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data)


def main():
    if len(sys.argv) != 2:
        sys.exit("package.py FOLDER")
    root = Path(sys.argv[1])
    version = re.search(r'^const val TOKENMINT_VERSION = "([^"]+)"$', (HERE / "src/TokenService.kt").read_text(), re.M)[1]
    out = root / GROUP / ARTIFACT / version
    out.mkdir(parents=True, exist_ok=True)
    name = f"{ARTIFACT}-{version}"
    with tempfile.TemporaryDirectory() as classes:
        compiled(classes)
        packed(out / f"{name}.jar", Path(classes), version)
    packed(out / f"{name}-sources.jar", HERE / "src", version)
    (out / f"{name}.pom").write_text(pom(version))
    # The format wants a date. It is always the same one, so that the bytes stay the same.
    versions = f"<latest>{version}</latest><release>{version}</release><versions><version>{version}</version></versions><lastUpdated>19800101000000</lastUpdated>"
    (out.parent / "maven-metadata.xml").write_text(
        f'<?xml version="1.0" encoding="UTF-8"?>\n<metadata><groupId>{GROUP}</groupId><artifactId>{ARTIFACT}</artifactId><versioning>{versions}</versioning></metadata>\n'
    )
    for file in [*out.glob(f"{name}*.jar"), out / f"{name}.pom", out.parent / "maven-metadata.xml"]:
        for kind in ["md5", "sha1", "sha256", "sha512"]:
            Path(f"{file}.{kind}").write_text(hashlib.new(kind, file.read_bytes()).hexdigest())
    print(f"{GROUP}:{ARTIFACT}:{version}")


if __name__ == "__main__":
    main()
