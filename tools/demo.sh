#!/usr/bin/env bash
# Serves the API and the demo's pages on this machine. Usage: tools/demo.sh PATH_OF_TOKENMINT
# People sign in at an issuer that runs beside it, under any name. With JWT_ISSUER and DEMO_CLIENT_ID they sign in at a
# provider of your own. With IDENTITY=none nobody signs in, and every caller is believed.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
export PORT=${PORT:-9000} DEMO_PORT=${DEMO_PORT:-5173}
# The next port is the issuer's.
export ISSUER_PORT=$((DEMO_PORT + 1))

trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT
trap 'exit 0' INT TERM HUP

if [[ ${IDENTITY:-jwt} == jwt ]]; then
    export IDENTITY=jwt
    if [[ -z ${JWT_ISSUER:-} ]]; then
        export JWT_ISSUER=http://localhost:$ISSUER_PORT DEMO_CLIENT_ID=tokenmint-demo JWT_AUDIENCE=tokenmint
        export DEMO_SCOPE='openid publish'
        "$root/tools/check-tools.sh" "port:$ISSUER_PORT:DEMO_PORT"
        node "$root/tools/demo-issuer/issuer.mjs" &
    elif [[ -z ${DEMO_CLIENT_ID:-} ]]; then
        echo "The demo needs DEMO_CLIENT_ID with JWT_ISSUER: the id of a client at your provider, for a page in a browser (PKCE)." >&2
        exit 1
    fi
    export JWT_AUDIENCE=${JWT_AUDIENCE:-$DEMO_CLIENT_ID}
else
    # The pages ask for it.
    unset DEMO_CLIENT_ID
fi

"$root/tools/local-run.sh" "$1" &
(cd "$root/clients/web" && exec node_modules/.bin/vite) &
code=0
wait -n || code=$?
exit $((code > 128 ? 0 : code))
