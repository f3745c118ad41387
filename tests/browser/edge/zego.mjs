// ZEGO's access hub. Both SDKs use it to reach their clouds over WebSockets. A frame has a header of 13 bytes, then protobuf. A
// message for a cloud lies in it, with a header of its own.

import { createCipheriv, createDecipheriv, createHash } from 'node:crypto'
import * as verifiers from '../verifiers.mjs'
import { place } from './edge.mjs'
import { messages } from './protobuf.mjs'

/** The numbers of the frames. */
const HEARTBEAT = 12
const HEARTBEAT_ANSWER = 13
const UP = 17
const ESTABLISHED = 19
const DOWN = 21

const hub = messages(`
    message Up { uint32 appid = 2; string id_name = 5; bytes payload = 8; }
    message Down { bytes payload = 1; uint32 wss_message_type = 2; }
    message Established { uint32 elapse = 1; }
    message Heartbeat { uint64 txid = 1; int64 ts = 2; uint64 ntp_time = 3; }
`)

/** Takes the hub's frames apart. `receive` gets each message for the cloud, and a function that sends the answer. */
function unpack(socket, receive) {
    const established = new Set()
    return frame => {
        // All other frames are compressed logs.
        if (typeof frame === 'string' || frame[0] !== 0xaf || frame.length < 13) return undefined
        const number = frame.readUInt16BE(2)
        const stream = frame.readUInt32BE(8)
        const body = frame.subarray(13, 13 + frame.readUInt32BE(4))
        const send = (code, content) => {
            const head = Buffer.alloc(13)
            head[0] = 0xaf
            head.writeUInt16BE(code, 2)
            head.writeUInt32BE(content.length, 4)
            head.writeUInt32BE(stream, 8)
            socket.send(Buffer.concat([head, content]))
        }
        if (number === HEARTBEAT) {
            const { txid, ts } = hub.read('Heartbeat', body)
            return send(HEARTBEAT_ANSWER, hub.write('Heartbeat', { txid, ts, ntp_time: Date.now() }))
        }
        if (number !== UP) return undefined
        if (!established.has(stream)) {
            established.add(stream)
            send(ESTABLISHED, hub.write('Established', { elapse: 1 }))
        }
        const { payload } = hub.read('Up', body)
        const start = 7 + payload.readUInt16BE(1)
        const answer = (header, content) => {
            const head = Buffer.alloc(7)
            head[0] = payload[0]
            head.writeUInt16BE(header.length, 1)
            head.writeUInt32BE(content.length, 3)
            send(DOWN, hub.write('Down', { payload: Buffer.concat([head, header, content]), wss_message_type: 1 }))
        }
        return receive(payload.subarray(7, start), payload.subarray(start, start + payload.readUInt32BE(3)), answer)
    }
}

const hosts = /(^|\.)(coolbcloud\.com|coolgcloud\.com|coolzcloud\.com|zego\.im|zegocloud\.com)$/

/** Express: log-in to a room, and renewal. The token is sent unencrypted in both. The SDK's own timer warns. */
export function zegoExpress(edge) {
    const { read, write } = messages(`
        message Header { uint32 cmd = 1; uint32 seq = 2; int64 timestamp = 3; uint32 context_key = 6; }
        message Head { uint32 code = 1; }
        message Login { uint32 app_id = 1; bytes room_id = 3; bytes id_name = 6; bytes nick_name = 7; bytes third_token = 16; }
        message Anchor { bytes id_name = 1; }
        message LoggedIn {
            Head rsp_head = 1; uint64 switch_session_id = 2; uint64 user_session_id = 3; uint64 room_session_id = 4;
            uint64 user_id = 5; int64 ret_timestamp = 6; uint32 liveroom_hb_interval = 8; uint32 liveroom_hb_timeout = 9;
            uint32 online_count = 10; Anchor anchor_info = 11; uint32 token_remain_time = 15;
        }
        message Renew { string token = 1; }
        message Renewed { Head rsp_head = 1; uint32 token_remain_time = 2; }
    `)
    return { hosts, answer: () => undefined, connect: (socket, url) => unpack(socket, receive(url)), receive }

    function receive(url) {
        return async (head, body, answer) => {
            const { cmd, seq } = read('Header', head)
            const header = number => write('Header', { cmd: number, seq, timestamp: Date.now(), context_key: 1 })
            if (cmd === 1001) {
                const { app_id, room_id, id_name, nick_name, third_token } = read('Login', body)
                const token = third_token.toString()
                const said = { 'app id': app_id, room: room_id.toString(), user: id_name.toString() }
                edge.saw('login', `${place('WebSocket', url)} LoginRoomReq: third_token`, token, said, nick_name.toString())
                const session = { switch_session_id: 1, user_session_id: 1, room_session_id: 1, user_id: 1 }
                const beats = { liveroom_hb_interval: 30_000, liveroom_hb_timeout: 120_000 }
                const token_remain_time = await left(token)
                const ret_timestamp = Date.now()
                answer(header(1002), write('LoggedIn', {
                    rsp_head: { code: 0 }, ...session, ...beats, ret_timestamp, online_count: 1, anchor_info: {}, token_remain_time,
                }))
            } else if (cmd === 301007) {
                const { token } = read('Renew', body)
                edge.saw('renewal', `${place('WebSocket', url)} RenewTokenReq: token`, token, {})
                answer(header(301008), write('Renewed', { rsp_head: { code: 0 }, token_remain_time: await left(token) }))
            }
        }
    }

    async function left(token) {
        const { expire } = await verifiers.zego(token)
        return Math.max(1, expire - Math.floor(Date.now() / 1000))
    }
}

/**
 * ZIM: the token is sent unencrypted at log-in. After that, everything is encrypted. The SDK makes a key and sends it encrypted for
 * the cloud. It gets the session's key back, encrypted with its own key. Only the real cloud can decrypt the SDK's key. This
 * stand-in knows it from the page's random numbers. The SDK itself is unchanged, and its own timer warns.
 */
export function zegoZim(edge) {
    const { read, write } = messages(`
        message Header {
            string cmd = 1; uint32 seq = 2; int64 timestamp = 3; uint32 app_id = 4; string user_id = 5; int64 session_id = 6;
            int64 user_nid = 7;
        }
        message Login { bytes client_stamp = 8; bytes login_token = 10; }
        message LoggedIn {
            uint32 code = 1; bytes k2_sign = 3; uint32 hb_interval = 4; uint32 hb_timeout = 5; int64 server_timestamp = 6;
        }
        message Renew { bytes user_name = 1; }
        message Renewed { uint32 code = 1; }
    `)
    const sessionKey = Buffer.from('the session key!')
    const cipher = (key, make) => make('aes-128-cbc', key, createHash('md5').update(key).digest())
    const seal = (key, content) => {
        const sealing = cipher(key, createCipheriv)
        return Buffer.concat([sealing.update(content), sealing.final()])
    }
    const open = content => {
        const opening = cipher(sessionKey, createDecipheriv)
        return Buffer.concat([opening.update(content), opening.final()])
    }
    return { hosts, answer: () => undefined, connect: (socket, url) => unpack(socket, receive(url)), receive, script: rememberRandom }

    function receive(url) {
        return async (head, body, answer) => {
            const { cmd, seq, app_id, user_id } = read('Header', head)
            const header = () => write('Header', {
                cmd: `${cmd}_rsp`, seq, app_id, user_id, timestamp: Date.now(), session_id: 1, user_nid: 1,
            })
            const said = { 'app id': app_id, user: user_id }
            if (cmd === '/sw/login') {
                const { client_stamp, login_token } = read('Login', body)
                edge.saw('login', `${place('WebSocket', url)} /sw/login: login_token`, login_token.toString(), said)
                const k2_sign = seal(await keyAfter(client_stamp.toString()), sessionKey)
                const beats = { hb_interval: 60_000, hb_timeout: 120_000 }
                answer(header(), write('LoggedIn', { code: 0, k2_sign, ...beats, server_timestamp: Date.now() }))
            } else if (cmd === '/sw/renew_token') {
                const token = read('Renew', open(body)).user_name.toString()
                edge.saw('renewal', `${place('WebSocket', url)} /sw/renew_token: user_name, decrypted`, token, said)
                answer(header(), seal(sessionKey, write('Renewed', { code: 0 })))
            }
        }
    }

    /** The key is 16 digits of the random number that the page drew after the log-in's stamp. */
    async function keyAfter(stamp) {
        const [page] = edge.context.pages()
        const drawn = await page.evaluate(() => globalThis.drawn)
        const digits = drawn.map(number => {
            const some = number.toString().substring(2, 18)
            return some.length < 16 ? some + some.substring(0, 16 - some.length) : some
        })
        const at = digits.indexOf(stamp)
        if (at < 0) throw new Error('the stamp of the log-in is none of the random numbers that the page drew')
        return Buffer.from(digits[at + 1])
    }
}

/** Both clouds. A header of ZIM begins with a text, and one of Express with a number. */
export function zegoExpressAndZim(edge) {
    const [express, zim] = [zegoExpress(edge), zegoZim(edge)]
    const TEXT = 0x0a
    const connect = (socket, url) => {
        const [fromExpress, fromZim] = [express.receive(url), zim.receive(url)]
        return unpack(socket, (head, body, answer) => (head[0] === TEXT ? fromZim : fromExpress)(head, body, answer))
    }
    return { ...zim, connect }
}

/** This function runs in the page. */
function rememberRandom() {
    const random = Math.random
    globalThis.drawn = []
    Math.random = () => {
        const number = random()
        globalThis.drawn.push(number)
        return number
    }
}
