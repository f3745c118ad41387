// The real service on one port, and the pages on another. Between them stands a gateway that lets pages of one other origin read
// answers, as API Gateway does. So every token crosses origins, as in an app.

import { spawn } from 'node:child_process'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { createServer, request as ask } from 'node:http'
import { createServer as createTcpServer } from 'node:net'
import { extname, join, normalize } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
/** The variables that configure a function or AWS. None of them may come from the developer's own shell. */
const CONFIGURATION = /^(AWS_.*|AUTH|IDENTITY|JWT_.*|BACKEND_.*|ID_TOKENS|PORT|LISTEN|ADMIN_LISTEN|ALLOWED_ORIGINS|TRUSTED_PROXIES|TLS_.*|LOCAL_CREDENTIALS|.*_SECRET_ID|.*_CLAIM|USER_ID_FORM|PUBLISH_SCOPE|TEACHER_SCOPE|REFUSED_CLAIMS|MINTS_PER_MINUTE|MAX_SECONDS_BEYOND_JWT|RTM_006|RTM_BEYOND_ROOMS|ZIM_PROJECT|DROP_IN|UIKIT_.*|.*_TTL_SECONDS)$/

/** The server, as `make run` starts it: where it is, and how to end it. */
export async function serve(settings) {
    const inherited = Object.entries(process.env).filter(([name]) => !CONFIGURATION.test(name))
    const port = await freePort()
    const env = { ...Object.fromEntries(inherited), ...settings, PORT: String(port) }
    const program = join(process.env.CARGO_TARGET_DIR ?? join(root, 'target'), 'debug/tokenmint')
    // The leash ends the server when our end of its input closes, for whatever reason we end.
    const leashed = ['run', '--quiet', '--bin', 'leash', '--', 'tools/local-run.sh', program]
    const leash = spawn('cargo', leashed, { cwd: root, env, stdio: 'pipe' })
    let output = ''
    for (const stream of [leash.stdout, leash.stderr]) stream.on('data', text => (output += text))
    const ended = new Promise(resolve => leash.once('exit', resolve))
    const url = `http://127.0.0.1:${port}`
    // Without an identity, or with one, it answers.
    for (let answer; ![200, 401].includes(answer?.status); await sleep(200)) {
        if (leash.exitCode !== null) throw new Error(`the service has ended:\n${output}`)
        answer = await fetch(`${url}/chat/user/alice/token`).catch(() => undefined)
    }
    return {
        url,
        /** What the server has printed so far. */
        printed: () => output,
        end: async () => {
            leash.stdin.end()
            await ended
        },
    }
}

/**
 * Does for pages what API Gateway does for a deployed service (CorsConfiguration in template.yaml): it lets pages of this
 * origin read answers, and answers their preflights. A local run lets no origin read.
 */
export async function serveGateway(service, origin) {
    const server = createServer((request, response) => {
        const cors = request.headers.origin === origin
            ? { 'access-control-allow-origin': origin, 'access-control-expose-headers': 'retry-after' }
            : {}
        if (request.method === 'OPTIONS') {
            const methods = { 'access-control-allow-methods': 'GET,POST' }
            const headers = { 'access-control-allow-headers': 'authorization,content-type', 'access-control-max-age': '3600' }
            response.writeHead(204, 'access-control-allow-origin' in cors ? { ...cors, ...methods, ...headers } : {}).end()
            return
        }
        const { method, url, headers: { host, ...headers } } = request
        const asked = ask(`${service}${url}`, { method, headers }, answer => {
            response.writeHead(answer.statusCode, { ...answer.headers, ...cors })
            answer.pipe(response)
        })
        asked.on('error', () => response.destroy())
        request.pipe(asked)
    })
    await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
    return { url: `http://127.0.0.1:${server.address().port}`, end: () => server.close() }
}

/** The files of a folder, over HTTP. */
export async function serveFiles(folder) {
    const types = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' }
    const server = createServer(async (request, response) => {
        const { pathname } = new URL(request.url, 'http://localhost')
        const file = join(folder, normalize(pathname.endsWith('/') ? `${pathname}index.html` : pathname))
        const found = file.startsWith(folder) && (await stat(file).catch(() => undefined))?.isFile()
        response.writeHead(found ? 200 : 404, { 'content-type': types[extname(file)] ?? 'application/octet-stream' })
        if (found) createReadStream(file).pipe(response)
        else response.end()
    })
    await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
    return { url: `http://127.0.0.1:${server.address().port}`, end: () => server.close() }
}

/** A proxy that lets nobody through, and remembers who tried. */
export async function serveNobody() {
    const tried = []
    const server = createTcpServer(socket => {
        socket.once('data', data => {
            tried.push(data.toString('latin1').split('\r\n', 1)[0])
            socket.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n')
        })
        socket.on('error', () => {})
    })
    await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
    return { url: `http://127.0.0.1:${server.address().port}`, tried, end: () => server.close() }
}

/** A free port of the loopback interface. */
export async function freePort() {
    return freePorts(1)
}

/**
 * The first of `count` free ports in a row. All lie below the ports that the system gives to connections. So no connection
 * takes one of them before a server listens there.
 */
export async function freePorts(count) {
    for (;;) {
        const first = 20_000 + Math.floor(Math.random() * 12_000)
        const free = await Promise.all(Array.from({ length: count }, (_, next) => isFree(first + next)))
        if (free.every(each => each)) return first
    }
}

function isFree(port) {
    return new Promise(resolve => {
        const server = createTcpServer()
        server.once('error', () => resolve(false))
        server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
    })
}
