// The verifiers of the end-to-end tests: Agora's own parsers, and for ZEGO an AES that is not ours.

import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** The credentials of a local run. They are plainly no secret. */
export const credentials = JSON.parse(readFileSync(`${root}/tests/demo-credentials.json`, 'utf8'))

/** What one of Agora's tokens says, and whether it is signed with the project's certificate: see `tools/harness/verifiers/agora.mjs`. */
export function agora(token, { channel = '', uid = '' } = {}, { app_id, app_certificate } = credentials.agora) {
    return ask(process.execPath, 'tools/harness/verifiers/agora.mjs', { token, app_id, app_certificate, channel, uid })
}

/** What one of ZEGO's tokens says, if the project's server secret opens it: see `tools/harness/verifiers/zego.py`. */
export function zego(token, { server_secret } = credentials.zego) {
    return ask(`${root}/.venv/bin/python`, 'tools/harness/verifiers/zego.py', { token, server_secret })
}

/** The same projects with other keys. No token of ours may be valid with these. */
export const strangers = {
    agora: { ...credentials.agora, app_certificate: reversed(credentials.agora.app_certificate) },
    zego: { ...credentials.zego, server_secret: reversed(credentials.zego.server_secret) },
}

function reversed(text) {
    return [...text].reverse().join('')
}

function ask(program, verifier, asked) {
    return new Promise((resolve, reject) => {
        const child = execFile(program, [verifier], { cwd: root }, (error, stdout) => {
            if (error) reject(error)
            else resolve(JSON.parse(stdout)[0])
        })
        child.stdin.end(JSON.stringify([asked]))
    })
}
