#!/usr/bin/env bash
# Installs the missing Debian packages for tests and benches: tools/debian-packages.sh NEED...
set -euo pipefail

missing=()
for need in "$@"; do
    case $need in
    # For the test in which a function's clock jumps.
    libfaketime) compgen -G '/usr/lib/*/faketime/libfaketimeMT.so.1' >/dev/null || missing+=(libfaketime) ;;
    chromium) test -x /usr/bin/chromium || missing+=(chromium) ;;
    # An emulated arm64 processor, and the libraries that a function needs.
    arm64) command -v qemu-aarch64 >/dev/null || missing+=(qemu-user libc6-arm64-cross libgcc-s1-arm64-cross) ;;
    # libFuzzer is written in C++.
    c++) command -v c++ >/dev/null || missing+=(g++) ;;
    # The C compiler and C library of a static program.
    musl) command -v musl-gcc >/dev/null || missing+=(musl-tools) ;;
    # What builds an image from a Dockerfile without Docker, and what runs a container.
    image)
        command -v buildah >/dev/null || missing+=(buildah)
        command -v runc >/dev/null || missing+=(runc)
        ;;
    # Unpacks Debian 13 into a folder, because it has Swift.
    debootstrap) command -v debootstrap >/dev/null || missing+=(debootstrap) ;;
    wrk) command -v wrk >/dev/null || missing+=(wrk) ;;
    # For the Kotlin client. The second package is Android's own org.json. The third one finds packages in a Maven repository.
    java)
        command -v javac >/dev/null || missing+=(openjdk-17-jdk-headless)
        test -e /usr/share/java/com.android.json.jar || missing+=(libandroid-json-java)
        test -e /usr/share/java/ivy.jar || missing+=(ivy)
        ;;
    # Compiles and runs the C# of the page for Unity.
    mono)
        command -v mcs >/dev/null || missing+=(mono-mcs)
        command -v mono >/dev/null || missing+=(mono-runtime)
        compgen -G '/usr/lib/mono/gac/System.Net.Http/4*' >/dev/null || missing+=(libmono-system-net-http4.0-cil)
        compgen -G '/usr/lib/mono/gac/System.Runtime.Serialization/4*' >/dev/null || missing+=(libmono-system-runtime-serialization4.0-cil)
        ;;
    *)
        echo "tools/debian-packages.sh doesn't know $need" >&2
        exit 2
        ;;
    esac
done
if [ ${#missing[@]} -gt 0 ]; then
    # Two tests may install at the same time, and apt does not wait for itself.
    exec 9<"$0"
    flock 9
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends "${missing[@]}"
fi
