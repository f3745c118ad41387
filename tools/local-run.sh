#!/usr/bin/env bash
# Serves the API on this machine. Usage: tools/local-run.sh PATH_OF_TOKENMINT
# Without IDENTITY, it believes every caller on this machine. Without LOCAL_CREDENTIALS, it uses demo credentials. Without
# DROP_IN, it serves the drop-in routes, too. PORT sets the port.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
export IDENTITY=${IDENTITY:-none} DROP_IN=${DROP_IN:-true} LOCAL_CREDENTIALS=${LOCAL_CREDENTIALS:-$root/tests/demo-credentials.json}
# The shell may have these for other programs. The local run uses only the file.
unset AGORA_SECRET_ID ZEGO_SECRET_ID
exec "$1" serve --examples --listen "127.0.0.1:${PORT:-9000}"
