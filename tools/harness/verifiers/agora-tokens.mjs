// Verifies one of Agora's tokens with Agora's own packages. It does not check whether a token has ended.

import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
// The packages export only their builders. The parsers are in other files of the packages.
const { AccessToken2 } = require('agora-token/src/AccessToken2')
const { AccessToken } = require('agora-access-token/src/AccessToken')

/** What one token says, and whether it is signed with the project's certificate. */
export function verify(asked) {
    switch (asked.token.slice(0, 3)) {
        case '007': return verify007(asked)
        case '006': return verify006(asked)
        default: return { version: null, parsed: false, valid: false }
    }
}

// The vendor's fields begin with two underscores. Names of users and channels are bytes.
function service(parsed) {
    const verdict = { type: parsed.service_type(), privileges: parsed.__privileges }
    for (const [name, value] of Object.entries(parsed)) {
        if (name === '__type' || name === '__privileges') continue
        if (name === '__permissions') verdict.permissions = value.details
        // This package reads the signed 16 bits as unsigned.
        else if (name === '__role') verdict.role = value << 16 >> 16
        else verdict[name.slice(2)] = Buffer.isBuffer(value) ? value.toString('utf8') : value
    }
    return verdict
}

function verify007({ token, app_id, app_certificate }) {
    const parsed = new AccessToken2('', '', 0, 0)
    if (!parsed.from_string(token)) return { version: '007', parsed: false, valid: false }
    const read = String(parsed.appId)
    return {
        version: '007',
        parsed: true,
        valid: parsed.verifySignature(app_certificate) === true && read === app_id,
        app_id: read,
        issue_ts: parsed.issueTs,
        expire: parsed.expire,
        salt: parsed.salt,
        services: parsed.services.map(service),
    }
}

// This package has no verifier. So it builds the token again from the same inputs, and both must be equal.
function verify006({ token, app_id, app_certificate, channel, uid }) {
    const parsed = new AccessToken(app_id, app_certificate, channel, uid)
    if (!parsed.fromString(token)) return { version: '006', parsed: false, valid: false }
    return {
        version: '006',
        parsed: true,
        valid: parsed.build() === token,
        salt: parsed.salt,
        ts: parsed.ts,
        privileges: parsed.messages,
        crc_channel_name: parsed.crc_channel_name,
        crc_uid: parsed.crc_uid,
    }
}
