#!/usr/bin/env bash
# Runs a command with Swift's tools: tools/swift.sh COMMAND...
#
# If this machine has no Swift, the command runs in a folder with Debian 13 and its Swift (.tools/swift-trixie). `tools/swift.sh --install` makes this folder
# in a few minutes. The folder takes 3 GB. Making it and running in it need root. Exit code 77: there is no Swift, and the folder cannot be made.
set -euo pipefail
cd "$(dirname "$0")/.."
if command -v swift >/dev/null; then
    [ "$1" = --install ] || exec "$@"
    exit 0
fi
root=$PWD/.tools/swift-trixie
if [ "$1" = --install ]; then
    test ! -e "$root/.installed" || exit 0
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        echo "Skipped: there is no Swift here. Only root on Debian or Ubuntu can unpack Debian's Swift."
        exit 77
    fi
    tools/debian-packages.sh debootstrap
    echo "Unpacking Swift from Debian 13 into $root. This takes a few minutes."
    rm -rf "$root"
    debootstrap --variant=minbase --include=ca-certificates,git,libc6-dev,libstdc++-14-dev,swiftlang trixie "$root" >"$root.log" ||
        { tail -n 20 "$root.log" >&2; exit 1; }
    chroot "$root" apt-get clean
    touch "$root/.installed"
    exit 0
fi
# The mounts are gone when the command ends. The project has the same path inside and outside.
mkdir -p "$root$PWD"
export root
exec unshare --mount bash -euc 'mount --bind "$PWD" "$root$PWD"
    for folder in proc dev; do mount --rbind /$folder "$root/$folder"; done
    exec chroot "$root" /usr/bin/env --chdir="$PWD" --ignore-environment HOME=/root LANG=C.UTF-8 PATH=/usr/bin:/bin \
        RULES_URL="${RULES_URL-}" TOKENMINT_URL="${TOKENMINT_URL-}" "$@"' bash "$@"
