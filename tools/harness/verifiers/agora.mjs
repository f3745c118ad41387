// Verifies Agora's tokens with Agora's own packages: a JSON list of cases in, a list of verdicts out (see src/verifiers.rs).

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
// The packages export only their builders. The parsers are in other files of the packages.
const { AccessToken2 } = require('agora-token/src/AccessToken2')
const { AccessToken } = require('agora-access-token/src/AccessToken')

// The packages print what they cannot read, but standard output is only for the verdicts.
console.log = console.error

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

const cases = JSON.parse(readFileSync(0, 'utf8'))
const verdicts = cases.map(each => {
    switch (each.token.slice(0, 3)) {
        case '007': return verify007(each)
        case '006': return verify006(each)
        default: return { version: null, parsed: false, valid: false }
    }
})
process.stdout.write(JSON.stringify(verdicts))
