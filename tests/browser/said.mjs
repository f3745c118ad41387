// Checks what a token says, and writes it in words.

import assert from 'node:assert/strict'
import * as verifiers from './verifiers.mjs'

/** Agora's services by number, and their privileges by number. */
const PRIVILEGES = {
    1: { 1: 'join_channel', 2: 'publish_audio', 3: 'publish_video', 4: 'publish_data_stream' },
    2: { 1: 'login' },
    5: { 1: 'user', 2: 'app' },
}

/**
 * Checks a token that an SDK has sent:
 * - the verifier accepts it, and refuses it with another project's key;
 * - its fields are the wanted ones, and the SDK says the same beside the token;
 * - it was issued at `since` or later, and lives for `lifetime` seconds.
 *
 * @returns the lines for the report, the token's fields, and the moment of expiry.
 */
export async function check(sighting, { wanted, lifetime, since }) {
    const { token, where, said } = sighting
    const { fields, issued, expires } = await read(token, wanted)
    for (const [name, value] of Object.entries(wanted)) assert.deepEqual(fields[name], value, `${where}: ${name} of the token`)
    for (const [name, value] of Object.entries(said)) {
        // A basic token names no room: it is for every room.
        if (name === 'room' && !('room' in fields)) continue
        assert.equal(String(value), String(fields[name]), `${where}: ${name} beside the token`)
    }
    assert.equal(expires - issued, lifetime, `${where}: lifetime`)
    // The service and this test have the same clock.
    assert.ok(issued >= since && issued <= Date.now() / 1000, `${where}: issued at ${issued}, not after ${since}`)
    const shown = { ...fields, expires: `${moment(expires)}, ${lifetime} s after its issue` }
    const lines = Object.entries(shown).map(([name, value]) => {
        const beside = name in said ? ', as the SDK says beside it' : ''
        return `    ${name.padEnd(11)} ${typeof value === 'string' ? value : JSON.stringify(value)}${beside}`
    })
    return { expires, fields, lines: [`  ${sighting.step}: ${where}`, ...lines] }
}

async function read(token, { user }) {
    const version = token.startsWith('04') ? '04' : token.slice(0, 3)
    const verified = ({ agora, zego }) => version === '04' ? verifiers.zego(token, zego) : verifiers.agora(token, { channel: user }, agora)
    const [accepted, refused] = await Promise.all([verified(verifiers.credentials), verified(verifiers.strangers)])
    assert.equal(accepted.valid, true, `the verifier refuses ${token}: ${JSON.stringify(accepted)}`)
    assert.equal(refused.valid, false, `the verifier accepts ${token} with another key`)
    switch (version) {
        case '04': return readZego(accepted)
        case '006': return read006(accepted, user)
        default: return read007(accepted)
    }
}

function read007({ app_id, issue_ts, expire, services: [service, ...others] }) {
    assert.deepEqual(others, [])
    const { type, privileges, channel_name, user_id, uid } = service
    for (const lifetime of Object.values(privileges)) assert.equal(lifetime, expire, 'a privilege ends with the token')
    const fields = { signature: '007, verified with the app certificate', 'app id': app_id }
    if (channel_name !== undefined) fields.channel = channel_name
    fields.user = uid ?? user_id
    fields.privileges = Object.keys(privileges).map(number => PRIVILEGES[type][number])
    return { fields, issued: issue_ts, expires: issue_ts + expire }
}

/** The token holds only a checksum of the user's id, which the verifier has compared. It always ends 24 hours after its issue. */
function read006({ ts, privileges: { 1000: login, ...others } }, user) {
    assert.deepEqual(others, {})
    const fields = { signature: '006, made again from what was read', 'app id': verifiers.credentials.agora.app_id, user, privileges: ['login'] }
    return { fields, issued: ts - 24 * 3600, expires: login }
}

function readZego({ fields: { app_id, user_id, ctime, expire }, payload }) {
    const fields = { encryption: '04, opened with the server secret', 'app id': app_id, user: user_id }
    if (payload !== null) {
        fields.room = payload.room_id
        fields.privileges = Object.entries({ login: 1, publish: 2 }).filter(([, number]) => payload.privilege[number] === 1)
            .map(([name]) => name)
        fields.streams = payload.stream_id_list
    }
    return { fields, issued: ctime, expires: expire }
}

function moment(seconds) {
    return new Date(seconds * 1000).toISOString().replace('.000', '')
}
