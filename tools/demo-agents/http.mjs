// What both programs of this folder need of HTTP: requests in, JSON out, on this machine alone.

import { createServer } from 'node:http'

/** The longest body, in bytes. */
const LONGEST = 16_384

/** A body that is too long. */
export class TooLong extends Error {}

/** A body that is not JSON. */
export class NotJson extends Error {}

/** Serves on the loopback interface. `answer` gets a request and returns `{ status, body, headers }`. */
export function serve(port, answer, ready) {
    const server = createServer(async (request, response) => {
        let answered
        try {
            answered = await answer(request)
        } catch (error) {
            // The error's message may hold what was sent. So log only the error's name and its place in the code.
            console.error(`a request failed: ${error?.name} ${error?.stack?.split('\n').find(line => line.trimStart().startsWith('at '))?.trim() ?? ''}`)
            answered = { status: 500, body: { message: 'an error of this program' } }
        }
        const { status, body, headers = {} } = answered
        response.writeHead(status, { ...(body === undefined ? {} : { 'content-type': 'application/json' }), 'cache-control': 'no-store', ...headers })
        response.end(body === undefined ? undefined : JSON.stringify(body))
    })
    server.requestTimeout = 10_000
    server.listen(port, '127.0.0.1', ready)
}

/** The JSON of a body, or `undefined` if there is none. Fails with `NotJson` or `TooLong`. */
export async function readJson(request) {
    const parts = []
    let length = 0
    for await (const part of request) {
        length += part.length
        // Reads on after that, so that the sender gets the answer. The server's time-out ends a body that does not end.
        if (length <= LONGEST) parts.push(part)
    }
    if (length > LONGEST) throw new TooLong()
    if (length === 0) return undefined
    try {
        return JSON.parse(Buffer.concat(parts).toString('utf8'))
    } catch {
        throw new NotJson()
    }
}
