#!/usr/bin/env bash
# Serves the API and the demo's pages on this machine. Usage: tools/demo.sh PATH_OF_TOKENMINT
# People sign in at an issuer that runs beside it, under any name. With JWT_ISSUER and DEMO_CLIENT_ID they sign in at a
# provider of your own. With IDENTITY=none nobody signs in, and every caller is believed.
# It also runs a backend that starts agents, and a stand-in for Agora's REST API. With a provider of your own this backend
# needs a client there: BACKEND_AUDIENCE, BACKEND_SCOPE, DEMO_BACKEND_CLIENT_ID, DEMO_BACKEND_CLIENT_SECRET.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
export PORT=${PORT:-9000} DEMO_PORT=${DEMO_PORT:-5173}
# The next three ports are for the issuer, the backend for agents, and the stand-in for Agora's REST API.
export ISSUER_PORT=$((DEMO_PORT + 1)) BACKEND_PORT=$((DEMO_PORT + 2)) STAND_IN_PORT=$((DEMO_PORT + 3))
export AGENTS=http://127.0.0.1:$BACKEND_PORT

"$root/tools/check-tools.sh" "port:$BACKEND_PORT:DEMO_PORT" "port:$STAND_IN_PORT:DEMO_PORT"

trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT
trap 'exit 0' INT TERM HUP

# Only the issuer and the backend may have it.
export -n DEMO_BACKEND_CLIENT_SECRET

if [[ ${IDENTITY:-jwt} == jwt ]]; then
    export IDENTITY=jwt
    if [[ -z ${JWT_ISSUER:-} ]]; then
        export JWT_ISSUER=http://localhost:$ISSUER_PORT DEMO_CLIENT_ID=tokenmint-demo JWT_AUDIENCE=tokenmint
        export DEMO_SCOPE='openid publish'
        # The demo's backend is a client of this issuer, too. Without a secret of yours it gets one for this run alone.
        export BACKEND_AUDIENCE=tokenmint-backends BACKEND_SCOPE=mint
        DEMO_BACKEND_CLIENT_ID=tokenmint-demo-backend
        DEMO_BACKEND_CLIENT_SECRET=${DEMO_BACKEND_CLIENT_SECRET:-$(node -p "crypto.randomBytes(32).toString('hex')")}
        "$root/tools/check-tools.sh" "port:$ISSUER_PORT:DEMO_PORT"
        DEMO_BACKEND_CLIENT_SECRET=$DEMO_BACKEND_CLIENT_SECRET node "$root/tools/demo-issuer/issuer.mjs" &
        # The service loads the issuer's keys when it starts.
        until (exec 3<>"/dev/tcp/127.0.0.1/$ISSUER_PORT") 2>/dev/null; do
            kill -0 $! 2>/dev/null || { wait $!; exit; }
            sleep 0.1
        done
    elif [[ -z ${DEMO_CLIENT_ID:-} ]]; then
        echo "The demo needs DEMO_CLIENT_ID with JWT_ISSUER: the id of a client at your provider, for a page in a browser (PKCE)." >&2
        exit 1
    fi
    export JWT_AUDIENCE=${JWT_AUDIENCE:-$DEMO_CLIENT_ID}
else
    # With it, the pages would ask people to sign in.
    unset DEMO_CLIENT_ID
fi

"$root/tools/local-run.sh" "$1" &
node "$root/tools/demo-agents/agora-rest.mjs" &
DEMO_BACKEND_CLIENT_ID=${DEMO_BACKEND_CLIENT_ID:-} DEMO_BACKEND_CLIENT_SECRET=${DEMO_BACKEND_CLIENT_SECRET:-} \
    node "$root/tools/demo-agents/backend.mjs" &
(cd "$root/clients/web" && exec node_modules/.bin/vite) &
code=0
wait -n || code=$?
exit $((code > 128 ? 0 : code))
