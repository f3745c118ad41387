#!/usr/bin/env bash
# Makes the Kotlin client's package, and runs its tests on the JVM, with the service at TOKENMINT_URL. Then a new project
# installs the package. `make test` calls this.
set -euo pipefail
cd "$(dirname "$0")/../.."
client=clients/kotlin
out=${OUT:-target/kotlin}
# Android's own org.json. On a device it is part of the system.
json=/usr/share/java/com.android.json.jar
tools/debian-packages.sh java
compiler=$client/node_modules/kotlin-compiler/lib
http=$client/node_modules/allure-commandline/dist/plugins/jira-plugin/lib
classes=$json
for jar in "$compiler"/kotlinx-coroutines-core-jvm.jar "$compiler"/kotlin-stdlib.jar "$compiler"/kotlin-test.jar \
    "$http"/okhttp-jvm-*.jar "$http"/okio-jvm-*.jar; do
    test -e "$jar"
    classes=$classes:$jar
done
compile() {
    java -cp "$compiler/kotlin-compiler.jar" org.jetbrains.kotlin.cli.jvm.K2JVMCompiler -kotlin-home "${compiler%/lib}" \
        -no-reflect -jvm-target 11 -Werror -cp "$1" -d "${@:2}"
}

rm -rf "$out" && mkdir -p "$out/tests" "$out/new"
IFS=: read -r group artifact version < <(python3 $client/package.py "$out/maven")
package=$out/maven/$group/$artifact/$version/$artifact-$version.jar

find "$client/test/sdks" -name '*.java' -exec javac --release 11 -d "$out/tests" {} +
compile "$classes:$package:$out/tests" "$out/tests" "$client/adapters" "$client/test/Tests.kt" "$client/test/Rules.kt"
java -ea -cp "$out/tests:$package:$classes" TestsKt

# Another project. Ivy finds the package in the folder, as it would in a Maven repository on a server.
cat >"$out/new/settings.xml" <<SETTINGS
<ivysettings>
  <settings defaultResolver="here"/>
  <caches defaultCacheDir="$(realpath "$out")/new/cache"/>
  <resolvers><ibiblio name="here" m2compatible="true" root="file://$(realpath "$out")/maven/" checksums="sha1"/></resolvers>
</ivysettings>
SETTINGS
java -jar /usr/share/java/ivy.jar -warn -settings "$out/new/settings.xml" -notransitive -confs default \
    -dependency "$group" "$artifact" "$version" -cachepath "$out/new/found"
found=$(cat "$out/new/found")
compile "$classes:$found" "$out/new/classes" "$client/test/NewProject.kt"
java -cp "$out/new/classes:$found:$classes" NewProjectKt
