// Asks the Lambda Runtime API for events, over one connection. It replaces AWS's own client, which needs a C++ compiler to install.

import http from 'node:http'
import { start } from './function.mjs'

const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(':')

function call(method, path, body) {
    return new Promise((resolve, reject) => {
        const headers = body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
        const request = http.request({ host, port, method, path: `/2018-06-01/runtime/invocation/${path}`, agent, headers }, response => {
            const parts = []
            response.on('data', part => parts.push(part))
            response.on('end', () => resolve({ headers: response.headers, body: Buffer.concat(parts) }))
        })
        request.on('error', reject)
        request.end(body)
    })
}

async function main() {
    const answer = await start()
    for (;;) {
        const { headers, body } = await call('GET', 'next')
        const answered = await answer(JSON.parse(body))
        await call('POST', `${headers['lambda-runtime-aws-request-id']}/response`, JSON.stringify(answered))
    }
}

main().catch(error => {
    console.error(error)
    process.exit(1)
})
