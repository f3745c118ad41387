// Builds tokens with Agora's npm packages when asked (see peers.rs): a line of JSON in, a line of JSON out.
//
// ZEGO's server assistant is no npm package, and its code is not ours to carry. What stands in for it is written for this
// and takes the assistant's steps, as they are in its Node version: Math.random for nonce and IV, JSON.stringify, a cipher
// from the secret's text, each number through a view of its own, and the same copies of the parts and of the whole.

import { createCipheriv } from 'node:crypto'
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'

const require = createRequire(new URL('../../tools/harness/verifiers/package.json', import.meta.url))
const v007 = require('agora-token')
const v006 = require('agora-access-token')

// The packages print; standard output is for the answers.
console.log = console.error

const now = () => Math.floor(Date.now() / 1000)
const DIGITS = '0123456789abcdefghijklmnopqrstuvwxyz'

function digits(count) {
    const drawn = []
    while (drawn.length < count) drawn.push(DIGITS.charAt(Math.floor(Math.random() * DIGITS.length)))
    return drawn.join('')
}

function seal(clear, secret, iv) {
    const cipher = createCipheriv('aes-256-cbc', secret, iv)
    const begun = cipher.update(clear)
    return Uint8Array.from(Buffer.concat([begun, cipher.final()])).buffer
}

function bigEndian(bytes, write) {
    const number = new Uint8Array(bytes)
    write(new DataView(number.buffer))
    return Buffer.from(number)
}

function token04(app_id, user_id, secret, seconds, payload) {
    const ctime = now()
    const expire = ctime + seconds
    const nonce = Math.floor(Math.random() * 0x80000000)
    const iv = digits(16)
    const sealed = seal(JSON.stringify({ app_id, user_id, nonce, ctime, expire, payload }), secret, iv)
    const content = Buffer.concat([
        bigEndian(8, view => view.setBigInt64(0, BigInt(expire))),
        bigEndian(2, view => view.setUint16(0, iv.length)),
        Buffer.from(iv),
        bigEndian(2, view => view.setUint16(0, sealed.byteLength)),
        Buffer.from(sealed),
    ])
    return '04' + Buffer.from(Uint8Array.from(content).buffer).toString('base64')
}

function builders({ agora: { app_id, app_certificate }, zego, channel, user, uid, ttl }) {
    const agora = [app_id, app_certificate]
    const publisher = v007.RtcRole.PUBLISHER
    const room = () =>
        JSON.stringify({ room_id: channel, privilege: { 1: 1, 2: 1 }, stream_id_list: null })
    const of_zego = payload => token04(zego.app_id, user, zego.server_secret, ttl, payload)
    return {
        'agora-chat-app': () => v007.ChatTokenBuilder.buildAppToken(...agora, ttl),
        'agora-chat-user': () => v007.ChatTokenBuilder.buildUserToken(...agora, user, ttl),
        'agora-rtm': () => v007.RtmTokenBuilder.buildToken(...agora, user, ttl),
        'agora-rtc': () => v007.RtcTokenBuilder.buildTokenWithUid(...agora, channel, uid, publisher, ttl, ttl),
        'agora-rtc/account': () =>
            v007.RtcTokenBuilder.buildTokenWithUserAccount(...agora, channel, user, publisher, ttl, ttl),
        // Not APaaS: this package leaves the privilege out, so its tokens are others than ours.
        'agora-fpa': () => v007.FpaTokenBuilder.buildToken(...agora),
        'agora-rtm/006': () => v006.RtmTokenBuilder.buildToken(...agora, user, v006.RtmRole.Rtm_User, now() + ttl),
        'agora-rtc/006': () =>
            v006.RtcTokenBuilder.buildTokenWithUid(...agora, channel, uid, v006.RtcRole.PUBLISHER, now() + ttl),
        'zego-basic': () => of_zego(''),
        'zego-room': () => of_zego(room()),
        'zego-zim': () => of_zego(''),
    }
}

let build
for await (const line of createInterface({ input: process.stdin })) {
    const request = JSON.parse(line)
    if (!build) {
        build = builders(request)
        process.stdout.write(JSON.stringify(Object.keys(build)) + '\n')
        continue
    }
    const once = build[request.kind]
    let token
    const [start, cpu] = [process.hrtime.bigint(), process.cpuUsage()]
    for (let made = 0; made < request.tokens; made++) token = once()
    const wall = Number(process.hrtime.bigint() - start)
    const { user, system } = process.cpuUsage(cpu)
    // The lesser of both: no waiting for the processor, and no garbage collected by other threads meanwhile.
    const nanoseconds = Math.min(wall, (user + system) * 1000) / request.tokens
    process.stdout.write(JSON.stringify({ nanoseconds, token }) + '\n')
}
