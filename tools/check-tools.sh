#!/usr/bin/env bash
# Says in one line which tool is missing or too old, before anything is built: tools/check-tools.sh NEED...
# A need is rust, python, node, or port:NUMBER:VARIABLE (the port must be free; the variable names another one).
set -euo pipefail
cd "$(dirname "$0")/.."

PYTHON=${PYTHON:-python3}

fail() {
    echo "$*" >&2
    exit 1
}

# Whether the version $1 is at least $2.
at_least() {
    printf '%s\n%s\n' "$2" "$1" | sort -C -V
}

for need in "$@"; do
    case $need in
    rust)
        wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
        command -v cargo >/dev/null || fail "This needs Rust $wanted or newer, and there is no cargo here. Install it from https://rustup.rs."
        found=$(rustc --version | cut -d ' ' -f 2)
        at_least "${found%%-*}" "$wanted" || fail "This needs Rust $wanted or newer, and rustc is $found. Run: rustup update stable"
        ;;
    python)
        wanted=3.11
        command -v "$PYTHON" >/dev/null || fail "This needs Python $wanted or newer, and there is no $PYTHON here. Install it, or set PYTHON to its path."
        found=$("$PYTHON" -c 'import platform; print(platform.python_version())')
        at_least "$found" "$wanted" || fail "This needs Python $wanted or newer, and $PYTHON is $found. Set PYTHON to a newer one."
        "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null || fail "This needs Python's venv. On Debian and Ubuntu, install the package python3-venv."
        ;;
    node)
        wanted=20.19
        command -v node >/dev/null || fail "This needs Node $wanted or newer, and there is no node here. Install it from https://nodejs.org."
        found=$(node --version)
        at_least "${found#v}" "$wanted" || fail "This needs Node $wanted or newer, and node is ${found#v}. Install a newer one from https://nodejs.org."
        command -v npm >/dev/null || fail "This needs npm, and there is none here. It comes with Node from https://nodejs.org."
        ;;
    port:*)
        IFS=: read -r _ port variable <<<"$need"
        if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            fail "Port $port is in use. Stop the program that uses it, or set $variable to another port."
        fi
        ;;
    *)
        echo "tools/check-tools.sh doesn't know $need" >&2
        exit 2
        ;;
    esac
done
