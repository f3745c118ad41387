// The real service on a port of its own, and the pages on another: so every token crosses origins, as an app's do.

import { spawn } from 'node:child_process'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { createServer } from 'node:http'
import { createServer as createTcpServer } from 'node:net'
import { extname, join, normalize } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
/** What configures a function, beside everything of AWS: nothing of it may come from the developer's own shell. */
const CONFIGURATION = /^(AWS_.*|AUTH|PORT|LOCAL_CREDENTIALS|.*_SECRET_ID|.*_CLAIM|USER_ID_FORM|PUBLISH_SCOPE|RTM_006|RTM_BEYOND_ROOMS|.*_TTL_SECONDS)$/

/** All functions, as `make run` serves them: where they are, and how to end them. */
export async function serve(settings) {
    const inherited = Object.entries(process.env).filter(([name]) => !CONFIGURATION.test(name))
    const port = await freePort()
    const env = { ...Object.fromEntries(inherited), ...settings, PORT: String(port) }
    const run = ['run', '--quiet', '--bin']
    // The leash ends them when our end of its input closes, whatever ends us.
    const leash = spawn('cargo', [...run, 'leash', '--', 'cargo', ...run, 'local'], { cwd: root, env, stdio: 'pipe' })
    let output = ''
    for (const stream of [leash.stdout, leash.stderr]) stream.on('data', text => (output += text))
    const ended = new Promise(resolve => leash.once('exit', resolve))
    const url = `http://127.0.0.1:${port}`
    for (let answer; answer?.status !== 200; await sleep(200)) {
        if (leash.exitCode !== null) throw new Error(`the service has ended:\n${output}`)
        answer = await fetch(`${url}/chat/user/alice/token`).catch(() => undefined)
    }
    return {
        url,
        end: async () => {
            leash.stdin.end()
            await ended
        },
    }
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

/** A port of the loopback interface that nobody listens on just now. */
export async function freePort() {
    const server = createTcpServer()
    await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address()
    await new Promise(resolve => server.close(resolve))
    return port
}
