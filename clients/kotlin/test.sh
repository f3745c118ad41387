#!/usr/bin/env bash
# Compiles the Kotlin client and runs its tests on the JVM, with the service at TOKENMINT_URL. `make test` calls this.
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
rm -rf "$out" && mkdir -p "$out"
find "$client/test/sdks" -name '*.java' -exec javac --release 11 -d "$out" {} +
java -cp "$compiler/kotlin-compiler.jar" org.jetbrains.kotlin.cli.jvm.K2JVMCompiler -kotlin-home "${compiler%/lib}" \
    -no-reflect -jvm-target 11 -Werror -cp "$classes:$out" -d "$out" "$client/src" "$client/adapters" "$client/test/Tests.kt" "$client/test/Rules.kt"
exec java -ea -cp "$out:$classes" TestsKt
