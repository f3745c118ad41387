// Agora Chat: a directory of servers over HTTP, messages in protobuf over a WebSocket, and a REST API. The SDK asks the REST API
// how long a new token lives.

import * as verifiers from '../verifiers.mjs'
import { place } from './edge.mjs'
import { messages } from './protobuf.mjs'

const { read, write } = messages(`
    message Jid { string app_key = 1; string name = 2; string domain = 3; string client_resource = 4; }
    message Sync { uint32 version = 1; Jid guid = 2; string auth = 3; uint32 command = 8; bytes payload = 9; }
    message Status { uint32 error_code = 1; }
    message Provision { Status status = 8; string resource = 13; string auth_token = 18; }
    message Unread { Status status = 1; uint64 timestamp = 3; }
`)
const UNREAD = 1
const PROVISION = 3
/** The prefix that marks an Agora token where one of Chat's own tokens could stand. */
const AGORA = '$t$'

export function agoraChat(edge) {
    return { hosts: /(^|\.)chat\.agora\.io$/, answer, connect }

    async function answer(request, url) {
        if (url.pathname.endsWith('/server.json')) {
            const at = domain => ({ hosts: [{ protocol: 'http', domain, port: 80 }, { protocol: 'https', domain, port: 443 }] })
            return { rest: at('a1.chat.agora.io'), 'msync-wx': at('msync-api-a1.chat.agora.io') }
        }
        const [, user] = /\/sdk\/users\/([^/]+)\/token\/expires$/.exec(url.pathname) ?? []
        if (user === undefined) return undefined
        const token = request.headers().authorization.replace(/^Bearer /, '')
        edge.saw('renewal', `${place('GET', url)}: Authorization`, token, { user: decodeURIComponent(user) })
        return { expire_timestamp: await expiry(token) }
    }

    function connect(socket, url) {
        return async message => {
            const { version, guid, auth, command, payload } = read('Sync', message)
            const send = (name, fields) => {
                socket.send(write('Sync', { version, guid, command, payload: write(name, fields) }))
            }
            if (command === PROVISION) {
                const { resource, auth_token } = read('Provision', payload)
                const token = auth.slice(AGORA.length)
                if (JSON.parse(auth_token).token !== auth || !auth.startsWith(AGORA)) throw new Error('two tokens in one login')
                edge.saw('login', `${place('WebSocket', url)} provision: auth`, token, { user: guid.name })
                const expires = JSON.stringify({ expires_in: await expiry(token) })
                send('Provision', { status: { error_code: 0 }, resource, auth_token: expires })
            } else if (command === UNREAD) {
                send('Unread', { status: { error_code: 0 }, timestamp: Date.now() })
            }
        }
    }

    /** When a token ends, in milliseconds. The SDK believes the cloud in this. */
    async function expiry(token) {
        const { issue_ts, expire } = await verifiers.agora(token)
        return (issue_ts + expire) * 1000
    }
}
