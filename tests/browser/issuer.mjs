// An issuer of JWTs for one test: it serves its public key, and signs the claims that the test wants.

import { createServer } from 'node:http'
import { generateKeyPairSync, sign } from 'node:crypto'

const encoded = value => Buffer.from(JSON.stringify(value)).toString('base64url')

export async function serveIssuer() {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const documents = {}
    const server = createServer((request, response) => {
        const found = documents[request.url]
        response.writeHead(found ? 200 : 404, { 'content-type': 'application/json' }).end(JSON.stringify(found ?? {}))
    })
    await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${server.address().port}`
    documents['/.well-known/openid-configuration'] = { issuer: url, jwks_uri: `${url}/jwks` }
    documents['/jwks'] = { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'test', use: 'sig', alg: 'RS256' }] }
    return {
        url,
        /** A JWT of the user `sub` that lives for `lives` seconds. */
        jwt: ({ lives, ...claims }) => {
            const iat = Math.floor(Date.now() / 1000)
            const signed = `${encoded({ alg: 'RS256', kid: 'test', typ: 'at+jwt' })}.${encoded({ iss: url, iat, exp: iat + lives, ...claims })}`
            return `${signed}.${sign('sha256', Buffer.from(signed), privateKey).toString('base64url')}`
        },
        end: () => server.close(),
    }
}
