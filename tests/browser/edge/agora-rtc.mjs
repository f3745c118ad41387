// Agora RTC: an access point that names an edge server over HTTP, and that server's signalling in JSON over a WebSocket.

import * as verifiers from '../verifiers.mjs'
import { place } from './edge.mjs'

/** The field of the form that holds the request for a server. */
const REQUEST = /name="request"\r\n\r\n(?<json>.*?)\r\n--/s
/** The access point's numbers for an ordinary edge server and for a fallback proxy. */
const GATEWAY = 4096
const PROXY = 4194310

export function agoraRtc(edge) {
    return { hosts: /(^|\.)(agora\.io|sd-rtn\.com)$/, answer, connect }

    function answer(request, url) {
        // A user with a name gets a number for the media.
        if (url.searchParams.get('action') === 'stringuid') return { code: 0, uid: 7 }
        if (url.pathname !== '/api/v2/transpond/webrtc') return undefined
        const { groups } = REQUEST.exec(request.postDataBuffer().toString())
        const { appid, opid, sid, request_bodies: [{ buffer }] } = JSON.parse(groups.json)
        const { cname, detail, key, uid } = buffer
        const user = detail['6'] ?? String(uid)
        edge.saw('login', `${place('POST', url)}: key`, key, { 'app id': appid, channel: cname, user })
        const server = (flag, edges_services) => ({
            uri: 23,
            buffer: { flag, code: 0, cert: 'certificate', cid: 1, cname, uid, detail: {}, edges_services },
        })
        return {
            code: 0,
            enter_ts: Date.now(),
            leave_ts: Date.now(),
            opid,
            sid,
            detail: {},
            // Media would go to this address too. Nobody listens on this port.
            response_body: [server(GATEWAY, [{ ip: '127.0.0.1', port: 9 }]), server(PROXY, [])],
        }
    }

    function connect(socket, url) {
        return async message => {
            const { _id, _type, _message } = JSON.parse(message)
            const succeed = answer => socket.send(JSON.stringify({ _id, _result: 'success', _message: answer }))
            switch (_type) {
                case 'join_v3': {
                    const { app_id, channel_name, channel_key } = _message
                    if (app_id !== verifiers.credentials.agora.app_id) throw new Error(`joined with app id ${app_id}`)
                    edge.saw('join', `${place('WebSocket', url)} join_v3: channel_key`, channel_key, { channel: channel_name })
                    succeed(joined(_message))
                    await warn(channel_key)
                    break
                }
                case 'renew_token':
                    edge.saw('renewal', `${place('WebSocket', url)} renew_token: token`, _message.token, {})
                    succeed({})
                    break
                case 'traffic_stats':
                    succeed({ peer_delay: [] })
                    break
                default:
                    if (_id !== undefined) succeed({})
            }
        }

        /** The warning comes 30 seconds before the token's end, as from the vendor's cloud. */
        async function warn(token) {
            const { issue_ts, expire } = await verifiers.agora(token)
            edge.at((issue_ts + expire - 30) * 1000, () => {
                socket.send(JSON.stringify({ _type: 'on_token_privilege_will_expire', _message: {} }))
            })
        }
    }
}

/** The answer to a join. The server has the browser's codecs, but no media ever reach it. */
function joined({ p2p_id, ortc: { rtpCapabilities: { send, recv, sendrecv } } }) {
    return {
        uid: 1,
        cid: 1,
        vid: 1,
        p2p_id,
        rejoin_token: 'certificate',
        server_ts: Date.now(),
        attributes: { userAttributes: {} },
        ortc: {
            iceParameters: { iceUfrag: 'abcdefgh', icePwd: 'abcdefghabcdefghabcdefgh' },
            dtlsParameters: { fingerprints: [{ hashFunction: 'sha-256', algorithm: 'sha-256', fingerprint: Array(32).fill('00').join(':') }] },
            candidates: [{ foundation: 'udpcandidate', ip: '127.0.0.1', port: 9, priority: 1, protocol: 'udp', type: 'host' }],
            rtpCapabilities: { send: recv, recv: send, sendrecv },
            setup: 'active',
            cname: 'edge',
        },
    }
}
