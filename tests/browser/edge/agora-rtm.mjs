// Agora RTM, 1.x and 2.x: an access point gives a ticket for a token over HTTP. With the ticket, the SDK opens two links: protobuf over
// WebSockets. The SDK exchanges a new token in the same way, and then sends the new ticket over both links. 1.4 opens them again.

import { createHash } from 'node:crypto'
import * as verifiers from '../verifiers.mjs'
import { place } from './edge.mjs'
import { messages } from './protobuf.mjs'

/** Requests for a link. All others are for configuration. */
const LINK = 128
/** The access point's word for a token whose life is over. */
const TIMED_OUT = 10

const { read, write } = messages(`
    message Packet { uint32 uri = 1; bytes data = 2; }
    message Ping { uint64 seq = 1; uint64 ms = 2; uint64 server_ms = 3; }
    message Join { uint64 seq = 1; string account = 4; string ticket = 5; }
    message Joined { uint64 seq = 1; string account = 2; uint32 code = 3; uint64 server_ts = 4; }
    message NearlyExpired { uint64 expire_ts = 1; string ticket = 2; string resources = 3; }
    message Renew { uint64 seq = 2; string account = 3; string ticket = 4; }
    message Renewed { uint64 seq = 1; uint32 code = 2; string revoked = 3; }
    message Enter { uint64 seq = 1; string account = 2; }
    message Entered { uint64 seq = 1; string account = 2; uint32 code = 3; }
    message SyncInit { uint64 seq = 1; }
    message SyncInitAck { uint64 seq = 1; uint32 code = 2; }
`)

/** The numbers of the packets, for each version. */
const VERSIONS = {
    // Nothing warns this version of the SDK before its token ends. It notices the end only when it cannot connect again.
    1.4: { ping: 1, pong: 2, join: 11, joined: 12, enter: 31, entered: 33 },
    1: { ping: 1, pong: 2, join: 11, joined: 12, nearlyExpired: 15, renew: 16, renewed: 17 },
    2: { ping: 4, pong: 5, join: 18, joined: 19, nearlyExpired: 25, renew: 26, renewed: 27, syncInit: 754, syncInitAck: 752 },
}

export function agoraRtm(version) {
    const uri = VERSIONS[version]
    return edge => {
        /** By ticket. */
        const asked = new Map()
        /** Tokens whose life is over. */
        const ended = new Set()
        return { hosts: /(^|\.)(agora\.io|sd-rtn\.com)$/, answer, connect }

        function answer(request, url) {
            if (url.pathname !== '/api/v1') return undefined
            const { flag, opid, key, cname, detail } = JSON.parse(request.postData())
            if (flag !== LINK) return undefined
            if (ended.has(key)) return { code: TIMED_OUT, opid, server_ts: Date.now(), detail: {}, addresses: [] }
            const ticket = createHash('sha256').update(key).digest('base64')
            const said = { user: cname, ...(version === 2 ? { 'app id': detail['25'] } : {}) }
            if (!asked.has(ticket)) asked.set(ticket, { token: key, where: `${place('POST', url)}: key`, said })
            return {
                code: 0,
                opid,
                server_ts: Date.now(),
                detail: {},
                addresses: [{ ip: '127.0.0.1', port: 9, ticket }],
            }
        }

        function connect(socket) {
            const send = (number, name, fields) => socket.send(write('Packet', { uri: number, data: write(name, fields) }))
            return async message => {
                const packet = read('Packet', message)
                switch (packet.uri) {
                    case uri.join: {
                        const { seq, account, ticket } = read('Join', packet.data)
                        const { token, where, said } = asked.get(ticket)
                        if (ended.has(token)) {
                            await socket.close({ code: 1000 })
                            break
                        }
                        edge.saw('login', where, token, said)
                        send(uri.joined, 'Joined', { seq, account, code: 0, server_ts: Date.now() })
                        if (uri.nearlyExpired !== undefined) await warn(token, account, ticket)
                        else await endWith(token)
                        break
                    }
                    case uri.renew: {
                        const { seq, ticket } = read('Renew', packet.data)
                        const { token, where, said } = asked.get(ticket)
                        edge.saw('renewal', `${where}, and its ticket to the link`, token, said)
                        send(uri.renewed, 'Renewed', { seq, code: 0, revoked: '{}' })
                        break
                    }
                    case uri.enter: {
                        const { seq, account } = read('Enter', packet.data)
                        send(uri.entered, 'Entered', { seq, account, code: 0 })
                        break
                    }
                    case uri.syncInit:
                        send(uri.syncInitAck, 'SyncInitAck', { seq: read('SyncInit', packet.data).seq, code: 0 })
                        break
                    case uri.ping: {
                        const { seq, ms } = read('Ping', packet.data)
                        send(uri.pong, 'Ping', { seq, ms, server_ms: Date.now() })
                    }
                }
            }

            /** The link ends with the token. After that, neither the link nor the access point takes this token. */
            async function endWith(token) {
                const { issue_ts, expire } = await verifiers.agora(token)
                edge.at((issue_ts + expire) * 1000, () => {
                    ended.add(token)
                    return socket.close({ code: 1000 })
                })
            }

            /**
             * The warning comes 30 seconds before the token's end, as from the vendor's cloud. For a 006 token this uses the
             * end of its login privilege. (The real cloud ignores that end: it takes every 006 token for 24 hours.)
             */
            async function warn(token, account, ticket) {
                const verdict = await verifiers.agora(token, { channel: account })
                const end = verdict.version === '006' ? verdict.privileges[1000] : verdict.issue_ts + verdict.expire
                edge.at((end - 30) * 1000, () => {
                    send(uri.nearlyExpired, 'NearlyExpired', { expire_ts: end, ticket, resources: '{"messageChannels":[]}' })
                })
            }
        }
    }
}
