#!/usr/bin/env bash
# Serves the API on this machine: tools/local-run.sh PROGRAM, with the path of `tokenmint`.
# It believes every caller of this machine, unless IDENTITY says otherwise. It has demo credentials, unless
# LOCAL_CREDENTIALS names a file with others. PORT is its port.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
export IDENTITY=${IDENTITY:-none} LOCAL_CREDENTIALS=${LOCAL_CREDENTIALS:-$root/tests/demo-credentials.json}
# A secret that the shell names for other programs must not stand beside the file.
unset AGORA_SECRET_ID ZEGO_SECRET_ID
exec "$1" serve --examples --listen "127.0.0.1:${PORT:-9000}"
