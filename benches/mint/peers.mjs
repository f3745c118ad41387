// Builds tokens with Agora's npm packages. For each line of JSON it answers with a line of JSON (see peers.rs).
//
// ZEGO's server assistant is not an npm package, and its code is not copied here. The stand-in here was written for this bench. It
// takes the same steps as the assistant's Node version: Math.random for nonce and IV, JSON.stringify, a cipher from the secret's
// text, a DataView for each number, and the same copies of the parts and of the whole.

import { createCipheriv } from 'node:crypto'
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'

const require = createRequire(new URL('../../tools/harness/verifiers/package.json', import.meta.url))
const v007 = require('agora-token')
const v006 = require('agora-access-token')

// The packages print, but standard output is only for the answers.
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
        // APaaS is missing: this package leaves out a privilege, so its tokens differ from ours.
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
    // The smaller of wall time and processor time. So neither waiting for the processor nor other threads' garbage collection counts.
    const nanoseconds = Math.min(wall, (user + system) * 1000) / request.tokens
    process.stdout.write(JSON.stringify({ nanoseconds, token }) + '\n')
}
