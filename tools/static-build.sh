#!/usr/bin/env bash
# Builds the program `tokenmint` for this machine's processor, with all its libraries in it: tools/static-build.sh FILE
# PROFILE is the profile of cargo. It is `server` by default.
set -euo pipefail

file=$(realpath --canonicalize-missing "$1")
profile=${PROFILE:-server}
cd "$(dirname "$0")/.."
target=$(uname -m)-unknown-linux-musl
rustup target add "$target"
# On arm64 nothing else would find it.
export "CC_${target//-/_}=musl-gcc"
cargo build --locked --profile "$profile" --package tokenmint --target "$target"
# Cargo puts what `dev` builds into `debug`.
install -D "${CARGO_TARGET_DIR:-target}/$target/${profile/#dev/debug}/tokenmint" "$file"
