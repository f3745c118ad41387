// The backend of the demo's page for agents. It does what an app's own backend does:
//
// 1. It verifies the JWT of the user who asks. So it knows whose agents these are.
// 2. It asks Tokenmint with the user's JWT for the user's own RTC token for this channel, with the role `publisher`. It goes on only if
//    Tokenmint gives one, and throws this token away. So all settings of Tokenmint count, and this backend has no copy of its rules.
// 3. It asks Tokenmint for a token for the agent. For this it has a JWT of its own, which the provider gives to backends alone.
// 4. It starts the agent at Agora's REST API. In the demo this is the stand-in, `agora-rest.mjs`.
//
// The page gets neither the agent's token nor the backend's JWT. It learns which agent runs, and what the token carried.
//
//   BACKEND_PORT=5175 PORT=9000 STAND_IN_PORT=5176 node backend.mjs
//
// Settings:
// - `SERVICE` and `AGORA_REST`: addresses, in place of `PORT` and `STAND_IN_PORT`
// - `IDENTITY`, `JWT_ISSUER` and `JWT_AUDIENCE`: as Tokenmint has them. With `IDENTITY=none` there are no users, and steps 1 and 2 are left out
// - `BACKEND_AUDIENCE`, `BACKEND_SCOPE`, `DEMO_BACKEND_CLIENT_ID` and `DEMO_BACKEND_CLIENT_SECRET`: for the backend's own JWT

import { createHash, randomInt } from 'node:crypto'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { NotJson, readJson, serve, TooLong } from './http.mjs'

const env = (name, or = '') => process.env[name] || or
const port = Number(env('BACKEND_PORT', '5175'))
const service = env('SERVICE', `http://127.0.0.1:${env('PORT', '9000')}`)
const agora = env('AGORA_REST', `http://127.0.0.1:${env('STAND_IN_PORT', '5176')}`)
const nobodySignsIn = env('IDENTITY', 'jwt') === 'none'
const issuer = env('JWT_ISSUER')
const audiences = env('JWT_AUDIENCE').split(',').filter(text => text !== '')
/** How this backend gets its own JWT from the provider. */
const backend = {
    audience: env('BACKEND_AUDIENCE'), scope: env('BACKEND_SCOPE'), id: env('DEMO_BACKEND_CLIENT_ID'), secret: env('DEMO_BACKEND_CLIENT_SECRET'),
}
const NEEDED = {
    BACKEND_AUDIENCE: backend.audience, BACKEND_SCOPE: backend.scope, DEMO_BACKEND_CLIENT_ID: backend.id, DEMO_BACKEND_CLIENT_SECRET: backend.secret,
}

/** The algorithms of signatures that Tokenmint accepts. None of them has a shared secret. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'EdDSA']
/** How long an answer of another server may take, in milliseconds. */
const PATIENCE = 10_000
/** How long an agent's token lives, in seconds. An app renews it with the product's route `update`. */
const TOKEN_SECONDS = 3600
/** How many agents one user may run at a time. At Agora each of them costs money. */
const MOST_OF_A_USER = 3
/** The statuses of an agent that has ended. An agent with any other status may still cost money, such as STARTING or STOPPING. */
const ENDED = ['STOPPED', 'FAILED']
const AGORA = 'The stand-in for Agora’s REST API'
const TOKENMINT = 'The token service'

/**
 * For each product: the path where it starts an agent, and the body of the request. `uids` is the first of its agents' uids, and the one after
 * the last.
 */
const PRODUCTS = {
    convoai: {
        path: 'conversational-ai-agent/v2',
        // Agora's support asks for uids below 2,147,483,647. It is very unlikely that a user of the channel has the same random number.
        uids: [1, 2 ** 31 - 1],
        body: ({ name, channel, uid, token }) => ({
            name,
            // The agent as it was configured in Agora's console.
            pipeline_id: 'demo',
            properties: {
                channel, token, agent_rtc_uid: String(uid), advanced_features: { enable_rtm: true },
                // An app names its user's uid here.
                remote_rtc_uids: ['*'],
            },
        }),
    },
    stt: {
        path: 'speech-to-text/v1',
        // Tokenmint assigns no user such a number.
        uids: [2 ** 31, 2 ** 32],
        body: ({ name, channel, uid, token }) => ({
            name, languages: ['en-US'], rtcConfig: { channelName: channel, pubBotUid: String(uid), pubBotToken: token },
        }),
    },
}

/** A refusal, for the page: what happened, why, and what to do next. `parameter` is the field that is wrong. */
class Problem extends Error {
    constructor(status, what, why, next, parameter) {
        super(what)
        this.answer = { status, body: { what, why, next, ...(parameter === undefined ? {} : { parameter }) } }
    }
}

/** The agents that this backend has started, by their id: who started each, and where. Nothing here is secret. */
const agents = new Map()
/** How many agents of each user are being started now. They count against the user's limit, too. */
const starting = new Map()

serve(port, async request => {
    try {
        return await answer(request)
    } catch (error) {
        if (error instanceof Problem) return error.answer
        if (error instanceof NotJson) return new Problem(400, 'The request cannot be read.', 'Its body is not JSON.', 'Send JSON.').answer
        if (error instanceof TooLong) return new Problem(413, 'The request cannot be read.', 'Its body is too long.', 'Send a channel and a product.').answer
        throw error
    }
}, () => console.log(`The demo's backend for agents is at http://localhost:${port}.`))

async function answer(request) {
    refuseStrangers(request)
    const [, id] = /^\/agents(?:\/(\w{1,64}))?$/.exec(request.url) ?? fail(new Problem(404, 'There is nothing at this address.', 'This backend has /agents alone.', 'Use the page.'))
    tellWhatIsMissing()
    const user = nobodySignsIn ? { key: 'nobody' } : await userOf(request.headers.authorization)
    switch (`${request.method} ${id === undefined ? 'all' : 'one'}`) {
        case 'GET all': return { status: 200, body: { agents: await running(user) } }
        case 'POST all': return { status: 201, body: await start(user, await readJson(request)) }
        case 'GET one': return { status: 200, body: await look(own(user, id)) }
        case 'DELETE one': return { status: 200, body: await stop(own(user, id)) }
        default: throw new Problem(405, 'This request is not possible.', `${request.method} has no meaning here.`, 'Use the page.')
    }
}

/**
 * A page of another site could send requests to this machine. Its browser names another site in `Sec-Fetch-Site`. If the page uses DNS
 * rebinding, its browser names another `Host`.
 */
function refuseStrangers({ headers, method }) {
    const host = /^(localhost|127\.0\.0\.1)(:\d+)?$/.test(headers.host ?? '')
    const site = ['same-origin', 'none', undefined].includes(headers['sec-fetch-site'])
    if (!host || !site) throw new Problem(403, 'This backend answers only the demo’s own page.', 'Another page sent this request.', 'Open the demo.')
    // A browser lets a page of another site send this header only after a preflight request. This backend allows none.
    if (method === 'POST' && !/^application\/json\b/.test(headers['content-type'] ?? '')) {
        throw new Problem(415, 'The request cannot be read.', 'Its Content-Type is not application/json.', 'Send JSON.')
    }
}

/** With a provider of your own, this backend needs a client there. */
function tellWhatIsMissing() {
    const missing = Object.keys(NEEDED).filter(name => NEEDED[name] === '')
    if (nobodySignsIn || missing.length === 0) return
    throw new Problem(
        503, 'This backend may not ask for an agent’s token.',
        `It has no client at your provider that gets a backend’s JWT. Not set: ${missing.join(', ')}.`,
        'Make a client for client credentials at your provider, set these variables, and start the demo again. Or start it without JWT_ISSUER: the demo’s own sign-in has such a client.',
    )
}

/** The user who asks. Verifies their JWT. */
async function userOf(header) {
    const jwt = /^Bearer ([\w-]+\.[\w-]+\.[\w-]+)$/i.exec(header ?? '')?.[1]
    const refused = why => new Problem(401, 'This backend does not know who you are.', why, 'Sign in again.')
    if (jwt === undefined) throw refused('Your request has no JWT.')
    let verified
    try {
        verified = await jwtVerify(jwt, (await provider()).keys, { issuer, algorithms: ALGORITHMS, requiredClaims: ['exp', 'sub'] })
    } catch (error) {
        if (error instanceof Problem) throw error
        if (!String(error?.code).startsWith('ERR_J') || ['ERR_JWKS_TIMEOUT', 'ERR_JOSE_GENERIC'].includes(error.code)) throw silent('Your provider')
        // The library's text could repeat what was sent.
        throw refused('Your JWT is not valid, or it has ended.')
    }
    const { payload: claims, protectedHeader: { typ } } = verified
    const of = claims.aud === undefined ? [claims.client_id ?? claims.azp] : [claims.aud].flat()
    if (!of.some(each => audiences.includes(each))) throw refused('Your JWT is for another audience.')
    if (typeof claims.sub !== 'string' || claims.sub === '') throw refused('Your JWT names no user.')
    // An ID token says who signed in. It allows nothing.
    const idToken = ['nonce', 'at_hash', 'c_hash'].some(name => name in claims) || claims.typ === 'ID' || (claims.token_use ?? 'access') !== 'access'
    if (idToken || ![undefined, 'JWT', 'at+jwt'].includes(typ)) throw refused('Your JWT is not an access token.')
    return { key: `${claims.iss} ${claims.sub}`, jwt }
}

/**
 * Asks Tokenmint for the user's own token, with the user's JWT. A user who may publish in the channel may start an agent there. The token is
 * thrown away.
 */
async function mustPublish(jwt, channel) {
    const response = await reach(TOKENMINT, `${service}/rtc/${encodeURIComponent(channel)}/token?role=publisher`, { headers: { authorization: `Bearer ${jwt}` } })
    const answered = await objectOf(TOKENMINT, response)
    if (response.status === 200 && isText(answered?.token)) return
    const { detail, parameter } = reasonOf(response, answered)
    switch (response.status) {
        case 400: throw new Problem(400, 'The token service refused a value.', detail, 'Choose another channel.', parameter)
        case 401: throw new Problem(401, 'The token service does not accept your sign-in.', detail, 'Sign in again.')
        case 403: throw new Problem(403, 'You may not start an agent in this channel.', detail, 'Choose a channel in which you may publish.', parameter)
        case 429: throw new Problem(429, 'The token service gives you no token now.', detail, 'Try again in a minute.')
        default: throw response.ok ? unreadable(TOKENMINT) : noToken(response, detail)
    }
}

async function start(user, asked) {
    const { channel, product } = asked ?? {}
    if (!isText(channel)) throw new Problem(400, 'Your request names no channel.', 'An agent joins one channel.', 'Name a channel.', 'channel')
    // The channel becomes a part of a path. There `.` and `..` are folders, and half a character cannot be written.
    if (['.', '..'].includes(channel) || !channel.isWellFormed()) {
        throw new Problem(400, 'This channel cannot be used.', 'Its name cannot be written into an address.', 'Choose another channel.', 'channel')
    }
    const { path, uids, body } = (isText(product) && Object.hasOwn(PRODUCTS, product) ? PRODUCTS[product] : undefined)
        ?? fail(new Problem(400, 'There is no such product.', 'The products are Conversational AI and speech to text.', 'Choose one of the two.', 'product'))
    if (!nobodySignsIn) await mustPublish(user.jwt, channel)
    const giveBack = await reserve(user)
    try {
        return await startReserved({ user, channel, product, path, uid: randomInt(...uids), body })
    } finally {
        giveBack()
    }
}

/**
 * Reserves a place for one more agent of this user. Nothing may wait between the count and the reservation: a second request would see the
 * old count.
 */
async function reserve({ key }) {
    // Forgets the agents that have ended.
    await running({ key })
    const already = [...agents.values()].filter(agent => agent.user === key).length + (starting.get(key) ?? 0)
    if (already >= MOST_OF_A_USER) {
        throw new Problem(429, `You have ${already} agents already.`, 'At Agora each agent costs money, so this backend limits how many agents a user may run.', 'Stop one of them.')
    }
    starting.set(key, (starting.get(key) ?? 0) + 1)
    return () => {
        const left = starting.get(key) - 1
        if (left === 0) starting.delete(key)
        else starting.set(key, left)
    }
}

async function startReserved({ user, channel, product, path, uid, body }) {
    const { token, app_id } = await agentToken({ channel, uid, product })
    // Two agents of one product in one channel would talk to each other. So the agent's name is made from the product and the channel. Agora
    // refuses a second agent of the same name.
    const name = `demo-${product}-${createHash('sha256').update(channel).digest('hex').slice(0, 16)}`
    const started = await ask(`${agora}/api/${path}/projects/${app_id}/join`, token, body({ name, channel, uid, token }))
    const { agent_id, status, stand_in } = started
    if (!isText(agent_id) || !/^\w{1,64}$/.test(agent_id) || !isText(status)) throw unreadable(AGORA)
    const carried = Array.isArray(stand_in?.carried) ? stand_in.carried.filter(isText) : []
    const agent = { id: agent_id, user: user.key, channel, product, uid, app_id, carried }
    agents.set(agent_id, agent)
    return { ...told(agent), status }
}

/** The agents of this user that have not ended. */
async function running({ key }) {
    const looked = await Promise.all([...agents.values()].filter(agent => agent.user === key).map(look))
    return looked.filter(({ status }) => !ENDED.includes(status))
}

/** Asks Agora for the agent's status. Forgets an agent that has ended. */
async function look(agent) {
    const { token } = await agentToken(agent)
    const answered = await ask(`${agora}/api/${PRODUCTS[agent.product].path}/projects/${agent.app_id}/agents/${agent.id}`, token, undefined, NOT_FOUND)
    const status = answered === NOT_FOUND ? 'STOPPED' : answered.status
    if (!isText(status)) throw unreadable(AGORA)
    if (ENDED.includes(status)) agents.delete(agent.id)
    return { ...told(agent), status }
}

async function stop(agent) {
    // The token that started the agent may have ended, and this backend has not kept it. So it fetches a new one.
    const { token } = await agentToken(agent)
    await ask(`${agora}/api/${PRODUCTS[agent.product].path}/projects/${agent.app_id}/agents/${agent.id}/leave`, token, {}, NOT_FOUND)
    agents.delete(agent.id)
    return { ...told(agent), status: 'STOPPED' }
}

/** An agent that this user has started. An agent of another user gets the same answer as one that does not exist. */
function own(user, id) {
    const agent = agents.get(id)
    if (agent?.user !== user.key) throw new Problem(404, 'There is no such agent.', 'You did not start it, or it no longer runs.', 'Start an agent.')
    return agent
}

/** What the page may know. */
function told({ id, channel, product, uid, carried }) {
    return { agent_id: id, channel, product, uid, carried }
}

/** A token for the agent, from Tokenmint. It opens the product's REST API, and the agent joins with it. */
async function agentToken({ channel, uid, product }) {
    const headers = { 'content-type': 'application/json', ...(nobodySignsIn ? {} : { authorization: `Bearer ${await ownJwt()}` }) }
    // An agent of Conversational AI logs in to RTM as its uid.
    const body = JSON.stringify({ uid, service: product, rtm_user_id: String(uid), role: 'publisher', expires_in: TOKEN_SECONDS })
    const response = await reach(TOKENMINT, `${service}/rtc/${encodeURIComponent(channel)}/agent-token`, { method: 'POST', headers, body })
    const answered = await objectOf(TOKENMINT, response)
    if (response.ok) return isText(answered?.token) && isText(answered.app_id) ? answered : fail(unreadable(TOKENMINT))
    const { detail, parameter } = reasonOf(response, answered)
    // Any other 403 is about who asks.
    if (response.status === 401 || (response.status === 403 && parameter === undefined)) {
        throw new Problem(502, 'The token service does not believe this backend.', detail, 'Compare BACKEND_AUDIENCE and BACKEND_SCOPE with what your provider gives to this client.')
    }
    // The page sends the channel alone. All other values are this backend's own.
    if ([400, 403].includes(response.status) && parameter === 'channel') throw new Problem(400, 'The token service refused a value.', detail, 'Correct the channel.', 'channel')
    throw noToken(response, detail)
}

/** Tokenmint's reason for a refusal. If it refuses a value, its detail begins with the name of the parameter. */
function reasonOf({ status }, answered) {
    const detail = [answered?.detail, answered?.title].find(isText) ?? `It answers ${status}.`
    return { detail, parameter: /^(\w+): /.exec(detail)?.[1] }
}

/** A refusal by Tokenmint that the user can do nothing about. */
function noToken({ status }, detail) {
    // 408 and 429 pass by themselves.
    return status < 400 || status >= 500 || [408, 429].includes(status)
        ? new Problem(503, 'The token service gives no token now.', detail, 'Try again later. The log of the token service says more.')
        : new Problem(502, 'The token service refused a value.', detail, 'Compare what this backend asks for with the settings of the token service.')
}

/** Means that Agora knows no such agent, or that it has ended. */
const NOT_FOUND = {}

/** What Agora's REST API answers to this request. Returns `notFound` after a 404. */
async function ask(url, token, body, notFound = undefined) {
    const headers = { authorization: `agora token=${token}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) }
    const response = await reach(AGORA, url, body === undefined ? { headers } : { method: 'POST', headers, body: JSON.stringify(body) })
    const answered = await objectOf(AGORA, response)
    if (answered === undefined) throw unreadable(AGORA)
    if (response.ok) return answered
    if (response.status === 404 && notFound !== undefined) return notFound
    const why = [answered.stand_in?.refused, answered.detail, answered.message].find(isText) ?? `It answers ${response.status}.`
    if (answered.reason === 'TaskConflict') {
        throw new Problem(409, 'An agent of this product is in this channel already.', 'A second one would listen to the first one.', 'Stop the first one, or choose another channel.', 'channel')
    }
    throw new Problem(502, 'The stand-in for Agora’s REST API refused the request.', why, 'Check that the token service and the stand-in have the same credentials.')
}

/** This backend's own JWT. It is used until ten seconds before its end. */
let held
async function ownJwt() {
    if (held !== undefined && Date.now() < held.until) return held.jwt
    const { token } = await provider()
    const response = await reach('Your provider', token, {
        method: 'POST',
        headers: { authorization: `Basic ${Buffer.from(`${encodeURIComponent(backend.id)}:${encodeURIComponent(backend.secret)}`).toString('base64')}` },
        // Some providers take the audience from this parameter. Others know it from the client.
        body: new URLSearchParams({ grant_type: 'client_credentials', scope: backend.scope, audience: backend.audience }),
    })
    const { access_token: jwt, expires_in } = await objectOf('Your provider', response) ?? {}
    if (!response.ok || !isText(jwt)) {
        throw new Problem(502, 'Your provider gives this backend no JWT.', `It answers ${response.status}.`, 'Check DEMO_BACKEND_CLIENT_ID, DEMO_BACKEND_CLIENT_SECRET and the client’s scopes.')
    }
    held = { jwt, until: Date.now() + ((Number.isFinite(expires_in) ? expires_in : 60) - 10) * 1000 }
    return jwt
}

/** The provider's keys and token endpoint. The provider may start after this backend, so this backend asks it until it has answered once. */
let known
async function provider() {
    if (known !== undefined) return known
    const response = await reach('Your provider', `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`)
    const { issuer: said, jwks_uri, token_endpoint } = await objectOf('Your provider', response) ?? {}
    if (said !== issuer) throw new Problem(502, 'Your provider cannot be used.', 'Its configuration names another issuer than JWT_ISSUER.', 'Correct JWT_ISSUER.')
    if (![jwks_uri, token_endpoint].every(each => URL.canParse(each))) throw unreadable('Your provider')
    known = { keys: createRemoteJWKSet(new URL(jwks_uri)), token: token_endpoint }
    return known
}

async function reach(who, url, init = {}) {
    try {
        return await fetch(url, { ...init, redirect: 'error', signal: AbortSignal.timeout(PATIENCE) })
    } catch {
        throw silent(who)
    }
}

/** The JSON object in an answer. It is empty if the answer is, and `undefined` if the answer has something else. */
async function objectOf(who, response) {
    const text = await response.text().catch(() => fail(silent(who)))
    if (text === '') return {}
    try {
        const value = JSON.parse(text)
        return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined
    } catch {
        return undefined
    }
}

function isText(value) {
    return typeof value === 'string' && value !== ''
}

function unreadable(who) {
    return new Problem(502, `${who} gives an answer that this backend cannot read.`, 'Something else may answer at its address.', 'Check the address that this backend has for it.')
}

function silent(who) {
    return new Problem(503, `${who} does not answer.`, 'It is not running, or not yet.', 'Try again in a moment.')
}

function fail(problem) {
    throw problem
}
