// A stand-in for Agora's REST API, on this machine alone: Conversational AI (version 2) and real-time speech to text (version 7). It
// verifies tokens with Agora's own package, and remembers which agents run. It runs no agent, and it costs nothing.
//
//   STAND_IN_PORT=5176 LOCAL_CREDENTIALS=../../tests/demo-credentials.json node agora-rest.mjs
//
// Paths, bodies, answers and errors are those of Agora's documentation, as of November 2026:
// - https://docs.agora.io/en/api-reference/api-ref/conversational-ai: pages join, leave, query, status-codes, authentication
// - https://docs.agora.io/en/api-reference/api-ref/speech-to-text: pages join, leave, query
// - https://docs.agora.io/en/real-time-stt/reference/common-errors: the 409 of speech to text
// - https://github.com/AgoraIO/Docs-Source, shared/real-time-stt/develop/enable-service.mdx: authentication with a token for speech to
//   text, and the texts of a 401
// - https://github.com/AgoraIO-Community/agora-rest-client-go, services/convoai/req/join.go: `agent_rtm_uid` is deprecated in favour of
//   `agent_rtc_uid`. So an agent of Conversational AI logs in to RTM as its RTC uid
//
// Where the documentation says nothing, the stand-in is strict, so that a wrong token fails:
// - A request about an agent needs a token for that agent's channel, and in Conversational AI for its uid.
// - `pubBotUid` must be a number in text. The documentation asks for a text alone.
// - The bot's own token (`properties.token`, `pubBotToken`) is verified at once. Agora verifies it when the bot joins.
// - `pubBotToken` must allow publishing data streams, because the bot writes captions into the channel. The documentation names no role.
//   Its co-host authentication stops a subscriber from publishing, where a project has it.
//
// The answers have a field that Agora's do not have: `stand_in`. It says what the token carried, or why the request was refused.

import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { verify } from '../harness/verifiers/agora-tokens.mjs'
import { NotJson, readJson, serve, TooLong } from './http.mjs'

const port = Number(process.env.STAND_IN_PORT ?? '5176')
const file = process.env.LOCAL_CREDENTIALS ?? fileURLToPath(new URL('../../tests/demo-credentials.json', import.meta.url))

/** The numbers of the services in a token. */
const [RTC, RTM, CONVOAI, STT] = [1, 2, 9, 10]
const SERVICES = { 1: 'RTC', 2: 'RTM', 5: 'Chat', [CONVOAI]: 'Conversational AI', [STT]: 'speech to text' }
/** The numbers of two privileges of RTC: to join a channel, and to publish data streams. */
const [JOIN, PUBLISH_DATA] = ['1', '4']
/** The number of RTM's only privilege. */
const LOGIN = '1'
const RTC_PRIVILEGES = { 1: 'join', 2: 'publish audio', 3: 'publish video', 4: 'publish data streams' }

/** The most agents that are remembered. */
const MOST = 1000

/** A refusal: its status, its body as Agora's documentation has it, and the reason in our own words. */
class Refusal extends Error {
    constructor(status, body, reason) {
        super(reason)
        this.answer = { status, body: { ...body, stand_in: { refused: reason } } }
    }
}

const invalid = reason => new Refusal(401, { message: 'Invalid token' }, reason)
const badRequest = reason => new Refusal(400, { detail: reason, reason: 'InvalidRequest' }, reason)
const notFound = () => new Refusal(404, { detail: 'agent not found', reason: 'TaskNotFound' }, 'No such agent runs.')

/** The two products, by the beginning of their paths. */
const PRODUCTS = {
    'conversational-ai-agent/v2': {
        service: CONVOAI,
        /** What a request to start an agent asks for. */
        asked: ({ name, properties }) => {
            const { channel, token, agent_rtc_uid: uid, remote_rtc_uids: remote, enable_string_uid: text, advanced_features: more } = properties ?? {}
            if (!isName(name)) throw badRequest('name not found')
            if (!isText(channel)) throw badRequest('properties: channel not found')
            if (!isText(token)) throw badRequest('properties: token not found')
            if (!isText(uid) || (text !== true && !/^\d+$/.test(uid))) throw badRequest('properties: agent_rtc_uid: it must be a text with a number')
            if (!isTexts(remote)) throw badRequest('properties: remote_rtc_uids: it must be a list of texts')
            // "Before enabling the Signaling service, make sure the token includes both RTC and RTM privileges."
            return { name, channel, uid, token, needs: { rtm: more?.enable_rtm === true } }
        },
        /** "agentUid must match properties.agent_rtc_uid". This holds for the token in the header, too. */
        ownUid: true,
        /** A 409 names the agent that runs: "Use the task information returned by the server to continue". */
        ofConflict: ({ id }) => ({ agent_id: id }),
        status: ({ id, name, created, stopped, status }) => ({
            message: '', agent_id: id, name, status, start_ts: created, ...(stopped === undefined ? {} : { stop_ts: stopped }),
        }),
    },
    'speech-to-text/v1': {
        service: STT,
        asked: ({ name, languages, rtcConfig }) => {
            const { channelName: channel, pubBotUid: uid, pubBotToken: token } = rtcConfig ?? {}
            if (!isName(name)) throw badRequest('name not found')
            if (!isTexts(languages)) throw badRequest('languages: it must be a list of texts')
            if (!isText(channel)) throw badRequest('rtcConfig: channelName not found')
            if (!isText(uid) || !/^\d+$/.test(uid)) throw badRequest('rtcConfig: pubBotUid: it must be a text with a number')
            // "Required only when your project has App Certificate enabled." This one has.
            if (!isText(token)) throw badRequest('rtcConfig: pubBotToken not found')
            return { name, channel, uid, token, needs: { dataStreams: true } }
        },
        /** The header may have the RTC token of any uid, such as that of the user whose app asks. */
        ownUid: false,
        /** The documentation of a 409 speaks of no agent: "The task has already been started". */
        ofConflict: () => ({}),
        status: ({ id, created, status }) => ({ message: '', agent_id: id, create_ts: created, status }),
    },
}

/** Every agent that was started, by its id. */
const agents = new Map()

const PATH = /^\/api\/(conversational-ai-agent\/v2|speech-to-text\/v1)\/projects\/([^/]+)\/(?:(join)|agents\/([^/]+)(\/leave)?)$/

serve(port, async request => {
    const [, prefix, appId, join, id, leave] = PATH.exec(request.url) ?? []
    if (prefix === undefined) return { status: 404, body: { message: 'no Route matched with those values' } }
    const product = PRODUCTS[prefix]
    try {
        const token = ofHeader(request.headers.authorization)
        if (request.method === 'POST' && join !== undefined) return start(product, appId, token, await readJson(request))
        const agent = agents.get(id)
        // Verify first: a stranger learns nothing about agents.
        const known = agent !== undefined && agent.product === product && agent.appId === appId
        const carried = read(token, appId, known ? { channel: agent.channel, uid: product.ownUid ? agent.uid : undefined } : {})
        if (!known) throw notFound()
        if (request.method === 'GET' && leave === undefined) return { status: 200, body: { ...product.status(seen(agent)), stand_in: carried } }
        if (request.method === 'POST' && leave !== undefined) return stop(agent)
        return { status: 405, body: { message: 'Method Not Allowed' } }
    } catch (error) {
        if (error instanceof Refusal) return error.answer
        if (error instanceof NotJson) return badRequest('the body is not JSON').answer
        if (error instanceof TooLong) return new Refusal(413, { detail: 'the body is too long', reason: 'InvalidRequest' }, 'The body is too long.').answer
        throw error
    }
}, () => console.log(`A stand-in for Agora's REST API is at http://localhost:${port}. It starts no real agent.`))

function start(product, appId, header, body) {
    // Verify the token in the header before reading the body. Then verify it again, for the channel and the uid in the body.
    const carried = read(header, appId, {})
    const { name, channel, uid, token, needs } = product.asked(body ?? {})
    read(header, appId, { channel, uid: product.ownUid ? uid : undefined })
    const { ends } = read(token, appId, { channel, uid, ...needs })
    // A name is "unique within a channel". So a 409 tells nothing about agents in channels that the token does not open.
    const same = [...agents.values()].find(agent => agent.product === product && agent.appId === appId
        && agent.channel === channel && agent.name === name && seen(agent).status === 'RUNNING')
    if (same !== undefined) {
        throw new Refusal(409, { detail: 'task conflict', reason: 'TaskConflict', ...product.ofConflict(same) }, 'An agent of this name runs already.')
    }
    const agent = { id: randomBytes(16).toString('hex').toUpperCase(), product, appId, name, channel, uid, created: now(), ends }
    if (agents.size >= MOST) agents.delete(agents.keys().next().value)
    agents.set(agent.id, agent)
    const ofProduct = carried.services.includes(SERVICES[product.service])
    return {
        status: 200,
        body: { agent_id: agent.id, create_ts: agent.created, status: 'RUNNING', stand_in: { ...carried, service_of_the_product: ofProduct } },
    }
}

function stop(agent) {
    if (seen(agent).status !== 'RUNNING') throw notFound()
    agent.stopped = now()
    return { status: 200 }
}

/** The agent with its status. An agent whose token has ended is out of the channel. */
function seen(agent) {
    const stopped = agent.stopped ?? (now() >= agent.ends ? agent.ends : undefined)
    return { ...agent, stopped, status: stopped === undefined ? 'RUNNING' : 'STOPPED' }
}

/** The documentation writes the token with and without quotation marks. */
function ofHeader(header) {
    const token = /^agora token=(?:"([^"\s]+)"|([^"\s]+))$/i.exec(header ?? '')
    if (token === null) throw new Refusal(401, { message: 'Invalid authentication credentials' }, 'There is no header “Authorization: agora token=…”.')
    return token[1] ?? token[2]
}

/**
 * Verifies a token for this project. If a channel or a uid is given, the token must be for it. Refuses the token, or says what it carries.
 * With `rtm` the uid must be able to log in to RTM. With `dataStreams` it must be able to publish them.
 * The package compares signatures in constant time.
 */
function read(token, appId, { channel, uid, rtm = false, dataStreams = false }) {
    const { app_id, app_certificate } = JSON.parse(readFileSync(file, 'utf8')).agora ?? {}
    if (appId !== app_id) throw invalid('This project is unknown here.')
    if (!token.startsWith('007')) throw invalid('It is not a token of version 007.')
    const { parsed, valid, app_id: said, issue_ts, expire, services } = verify({ token, app_id, app_certificate })
    if (!parsed) throw invalid('Nothing can be read from the token.')
    if (said !== app_id) throw invalid('The token is for another project.')
    if (!valid) throw invalid('The signature is not that of the project’s certificate.')
    const lives = seconds => seconds !== undefined && now() < issue_ts + seconds
    if (!lives(expire)) throw new Refusal(401, { message: 'Token is expired' }, 'The token has ended.')
    const rtc = services.filter(({ type, privileges }) => type === RTC && lives(privileges[JOIN]))
    if (rtc.length === 0) throw invalid('The token opens no RTC channel.')
    const inChannel = rtc.filter(({ channel_name }) => channel === undefined || channel_name === channel)
    if (inChannel.length === 0) throw invalid('The token is for another channel.')
    // A token with an empty uid is good for every uid.
    const asUser = inChannel.filter(service => uid === undefined || service.uid === '' || service.uid === uid)
    if (asUser.length === 0) throw invalid('The token is for another uid.')
    if (dataStreams && !asUser.some(({ privileges }) => lives(privileges[PUBLISH_DATA]))) {
        throw invalid('The token does not allow publishing data streams, and the bot publishes captions.')
    }
    const logins = services.filter(({ type, privileges }) => type === RTM && lives(privileges[LOGIN]))
    if (rtm && logins.length === 0) throw invalid('The agent uses RTM, and the token does not open it.')
    if (rtm && !logins.some(({ user_id }) => user_id === uid)) throw invalid('The token’s RTM user is not the agent’s uid.')
    return {
        services: services.map(({ type }) => SERVICES[type] ?? `service ${type}`),
        carried: services.map(inWords),
        ends: issue_ts + expire,
    }
}

/** A service of a token, in plain words. */
function inWords({ type, privileges, channel_name, uid, user_id }) {
    switch (type) {
        case RTC: {
            const may = Object.keys(privileges).map(number => RTC_PRIVILEGES[number] ?? `privilege ${number}`)
            return `RTC: channel ${channel_name}, uid ${uid}, may ${may.join(', ')}`
        }
        case RTM: return `RTM: log in as ${user_id}`
        default: return SERVICES[type] ?? `service ${type}`
    }
}

function isText(value) {
    return typeof value === 'string' && value !== ''
}

function isTexts(value) {
    return Array.isArray(value) && value.length > 0 && value.every(isText)
}

function isName(value) {
    return isText(value) && value.length <= 64
}

function now() {
    return Math.floor(Date.now() / 1000)
}
