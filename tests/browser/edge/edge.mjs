// The network's edge. Everything that a page sends to another machine ends here. The edge searches it for tokens, and gives those
// answers of the vendor's cloud that the SDK needs to go on.

import { EventEmitter, once } from 'node:events'

/** A token that an SDK has sent: in which step, in which field, what else the SDK said there, and the user's name for people. */
/** @typedef {{ step: 'login' | 'join' | 'renewal', where: string, token: string, said: Record<string, unknown>, name?: string }} Sighting */

/**
 * A stand-in for a vendor's cloud: its hosts, and its answers.
 *
 * @typedef {object} Cloud
 * @property {RegExp} hosts
 * @property {(request: import('playwright-core').Request, url: URL) => unknown} answer JSON for a request, or nothing.
 *   Nothing means telemetry, or configuration that the SDK does not need. Such a request gets an empty object.
 * @property {(socket: import('playwright-core').WebSocketRoute, url: URL) => (message: string | Buffer) => unknown} connect
 * @property {() => void} [script] runs in the page before its own scripts.
 */

export class Edge {
    /** @type {Sighting[]} */
    sightings = []
    /** Requests to hosts that do not belong to the vendor. */
    strangers = []
    /** What went wrong here. */
    errors = []
    #seen = new EventEmitter()
    #timers = new Set()

    /** @param {import('playwright-core').BrowserContext} context */
    static async of(context, makeCloud) {
        const edge = new Edge()
        edge.context = context
        /** @type {Cloud} */
        const cloud = makeCloud(edge)
        const outside = url => !['127.0.0.1', 'localhost'].includes(new URL(url).hostname)
        await context.addInitScript(keepUrlParse)
        if (cloud.script) await context.addInitScript(cloud.script)
        await context.route(outside, route => edge.#answer(route, cloud))
        await context.routeWebSocket(outside, socket => edge.#connect(socket, cloud))
        return edge
    }

    saw(step, where, token, said, name) {
        const sighting = { step, where, token, said, name }
        this.sightings.push(sighting)
        this.#seen.emit('token', sighting)
    }

    /** Waits for the first token of this step, or for the first that fits. */
    async sighting(step, patience, fits = () => true) {
        for (;;) {
            const found = this.sightings.find(each => each.step === step && fits(each))
            if (found) return found
            await once(this.#seen, 'token', { signal: patience }).catch(cause => {
                throw new Error(`no token for the ${step} has come to the edge`, { cause })
            })
        }
    }

    /** Does something at a moment, unless the edge has ended by then. */
    at(milliseconds, action) {
        const timer = setTimeout(() => {
            this.#timers.delete(timer)
            action()
        }, Math.max(0, milliseconds - Date.now()))
        this.#timers.add(timer)
    }

    end() {
        for (const timer of this.#timers) clearTimeout(timer)
    }

    async #answer(route, cloud) {
        const request = route.request()
        const url = new URL(request.url())
        if (!cloud.hosts.test(url.hostname)) {
            this.strangers.push(`${request.method()} ${url.origin}${url.pathname}`)
            return route.abort()
        }
        const headers = { 'access-control-allow-origin': '*', 'access-control-allow-headers': '*' }
        headers['access-control-allow-methods'] = '*'
        // A wildcard doesn't cover this one.
        headers['access-control-allow-headers'] += ', authorization'
        try {
            const json = request.method() === 'OPTIONS' ? {} : await cloud.answer(request, url) ?? {}
            await route.fulfill({ status: 200, headers, json })
        } catch (error) {
            this.#failed(error)
            await route.abort().catch(() => {})
        }
    }

    #connect(socket, cloud) {
        const url = new URL(socket.url())
        if (!cloud.hosts.test(url.hostname)) {
            this.strangers.push(`WebSocket ${url.origin}${url.pathname}`)
            return socket.close()
        }
        const receive = cloud.connect(socket, url)
        // Messages are handled one after another, because a step may have to wait for a verifier.
        let last = Promise.resolve()
        socket.onMessage(message => {
            last = last.then(() => receive?.(message)).catch(error => this.#failed(error))
        })
    }

    #failed(error) {
        // The page has closed, so an error here means nothing.
        if (!/has been closed/.test(error.message)) this.errors.push(error)
    }
}

/** How a request's or a socket's address is written in a report. */
export function place(method, url) {
    return `${method} ${url.host}${url.pathname}`
}

/**
 * Some SDKs replace URL by a class of their own that lacks newer methods. The mocked WebSocket needs one of these methods. This
 * function runs in the page.
 */
function keepUrlParse() {
    const native = URL
    let current = native
    Object.defineProperty(globalThis, 'URL', {
        // So that it can only be assigned to.
        configurable: false,
        get: () => current,
        set: replacement => {
            replacement.parse ??= (...parts) => native.parse(...parts)
            current = replacement
        },
    })
}
