// A backend starts agents, for users who are signed in on the demo's page. A stand-in for Agora's REST API verifies the agents' tokens with
// the vendor's own code. Wrong tokens are made with the vendor's builders.

import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { deflateSync, inflateSync } from 'node:zlib'
import { buildDemo, serveDemo } from './build.mjs'
import { freePort, freePorts, serve, serveNobody } from './service.mjs'
import { launch, nobodysCloud, onStage, PATIENCE, photograph } from './stage.mjs'
import { credentials, strangers } from './verifiers.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))
const vendor = createRequire(new URL('../../tools/harness/verifiers/package.json', import.meta.url))
const { AccessToken2, ServiceRtc, ServiceRtm } = vendor('agora-token/src/AccessToken2')
const { RtcTokenBuilder: RtcTokenBuilder006, RtcRole } = vendor('agora-access-token')
const { app_id: APP, app_certificate: CERTIFICATE } = credentials.agora

/** The client of the demo's issuer that gets backends' JWTs, and what it gets. */
const BACKEND = { BACKEND_AUDIENCE: 'tokenmint-backends', BACKEND_SCOPE: 'mint' }
const CLIENT = { DEMO_BACKEND_CLIENT_ID: 'tokenmint-demo-backend', DEMO_BACKEND_CLIENT_SECRET: randomBytes(32).toString('hex') }

/** A token, or a JWT. */
const SECRET = /007[\w+/]{40}|eyJ/

let issuer, service, standIn, backend, demo, nobody, browser, url, users
const programs = []

/** Starts a program of `tools/`, and keeps what it prints. */
async function start(path, port, env) {
    const child = spawn(process.execPath, [`${root}tools/${path}`], { env: { PATH: process.env.PATH, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
    const program = { url: `http://localhost:${port}`, port, printed: '', end: () => child.kill() }
    for (const stream of [child.stdout, child.stderr]) stream.on('data', text => (program.printed += text))
    programs.push(program)
    while (await fetch(program.url).catch(() => undefined) === undefined) {
        assert.equal(child.exitCode, null, program.printed)
        await sleep(50)
    }
    return program
}

/** A backend beside this service. */
async function startBackend(env) {
    const port = await freePort()
    return start('demo-agents/backend.mjs', port, { BACKEND_PORT: String(port), AGORA_REST: standIn.url, ...env })
}

before(async () => {
    const [issuerPort, demoPort, standInPort] = [await freePort(), await freePort(), await freePort()]
    ;[issuer, standIn] = await Promise.all([
        start('demo-issuer/issuer.mjs', issuerPort, { ISSUER_PORT: String(issuerPort), DEMO_PORT: String(demoPort), ...CLIENT }),
        start('demo-agents/agora-rest.mjs', standInPort, { STAND_IN_PORT: String(standInPort) }),
    ])
    users = { IDENTITY: 'jwt', JWT_ISSUER: issuer.url, JWT_AUDIENCE: 'tokenmint' }
    ;[service, nobody] = await Promise.all([serve({ ...users, ...BACKEND, ROOMS_CLAIM: 'rooms', RTM_BEYOND_ROOMS: 'allowed' }), serveNobody(), buildDemo()])
    backend = await startBackend({ ...users, ...BACKEND, ...CLIENT, SERVICE: service.url })
    const pages = { JWT_ISSUER: issuer.url, DEMO_CLIENT_ID: 'tokenmint-demo', JWT_AUDIENCE: 'tokenmint', DEMO_SCOPE: 'openid publish' }
    demo = await serveDemo(service.url, demoPort, { ...pages, AGENTS: backend.url })
    url = `http://localhost:${demoPort}`
    browser = await launch(nobody.url)
})

after(async () => {
    await browser?.close()
    await Promise.all([service, demo, nobody, ...programs].map(server => server?.end()))
})

/** A JWT of this user, as a terminal gets it. */
async function jwtOf(name, more = {}) {
    return (await (await fetch(`${issuer.url}/jwt`, { method: 'POST', body: new URLSearchParams({ name, ...more }) })).text()).trim()
}

/** What the issuer answers to a client's own request. */
async function clientCredentials(id, secret, asked) {
    const authorization = `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`
    const body = new URLSearchParams({ grant_type: 'client_credentials', scope: 'mint', ...asked })
    const answer = await fetch(`${issuer.url}/token`, { method: 'POST', headers: { authorization }, body })
    return { status: answer.status, jwt: (await answer.json()).access_token }
}

/** What the token service answers to this JWT and this body. */
async function mint(jwt, path, body) {
    const headers = { 'content-type': 'application/json', ...(jwt === undefined ? {} : { authorization: `Bearer ${jwt}` }) }
    const answer = await fetch(`${service.url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
    return { status: answer.status, ...await answer.json() }
}

/** A token of the route for backends. */
async function agentToken(product, { channel = 'demo', uid = 9 } = {}) {
    const { jwt } = await clientCredentials(CLIENT.DEMO_BACKEND_CLIENT_ID, CLIENT.DEMO_BACKEND_CLIENT_SECRET)
    const answer = await mint(jwt, `/rtc/${channel}/agent-token`, { uid, service: product, rtm_user_id: String(uid), role: 'publisher' })
    assert.equal(answer.status, 200, JSON.stringify(answer))
    return answer.token
}

let names = 0
/** The two products: their paths, and a body that Agora's documentation has as an example. */
const PRODUCTS = {
    convoai: {
        path: 'conversational-ai-agent/v2', service: 'Conversational AI',
        body: (token, { channel = 'demo', uid = '9', rtm = true } = {}) => ({
            name: `test-${++names}`, pipeline_id: 'test',
            properties: {
                channel, token, agent_rtc_uid: uid, enable_string_uid: !/^\d+$/.test(uid), remote_rtc_uids: ['1002'], advanced_features: { enable_rtm: rtm },
            },
        }),
    },
    stt: {
        path: 'speech-to-text/v1', service: 'speech to text',
        body: (token, { channel = 'demo', uid = '9' } = {}) => ({
            name: `test-${++names}`, languages: ['en-US'], rtcConfig: { channelName: channel, pubBotUid: uid, pubBotToken: token },
        }),
    },
}

/** What the stand-in answers. */
async function agora(product, path, authorization, body, appId = APP) {
    const headers = { 'content-type': 'application/json', ...(authorization === undefined ? {} : { authorization }) }
    const init = body === undefined ? { headers } : { method: 'POST', headers, body: JSON.stringify(body) }
    const answer = await fetch(`${standIn.url}/api/${PRODUCTS[product].path}/projects/${appId}/${path}`, init)
    const text = await answer.text()
    return { status: answer.status, body: text === '' ? undefined : JSON.parse(text) }
}

/** A token of the vendor's builder. It is good, unless an argument makes it wrong. */
function built({
    app = APP, certificate = CERTIFICATE, age = 0, expire = 3600, channel = 'demo', uid = '9', join = expire, data = expire, login = uid, rtc = true, rtm = true,
} = {}) {
    const token = new AccessToken2(app, certificate, Math.floor(Date.now() / 1000) - age, expire)
    if (rtc) {
        const service = new ServiceRtc(channel, uid)
        service.add_privilege(ServiceRtc.kPrivilegeJoinChannel, join)
        if (data > 0) service.add_privilege(ServiceRtc.kPrivilegePublishDataStream, data)
        token.add_service(service)
    }
    if (rtm) {
        const service = new ServiceRtm(login)
        service.add_privilege(ServiceRtm.kPrivilegeLogin, expire)
        token.add_service(service)
    }
    return token.build()
}

/** The same token with one byte of its content changed. */
function changed(token, at) {
    const content = inflateSync(Buffer.from(token.slice(3), 'base64'))
    content[at < 0 ? content.length + at : at] ^= 1
    return `007${deflateSync(content).toString('base64')}`
}

describe('the stand-in for Agora’s REST API', () => {
    for (const [product, { service, body }] of Object.entries(PRODUCTS)) {
        it(`starts, shows and stops an agent of ${service} with the token of the route for backends`, async () => {
            const token = await agentToken(product)
            // The documentation writes the header in both ways.
            for (const authorization of [`agora token=${token}`, `agora token="${token}"`]) {
                const asked = body(token)
                const started = await agora(product, 'join', authorization, asked)
                assert.equal(started.status, 200, JSON.stringify(started))
                const { agent_id, create_ts, status, stand_in } = started.body
                assert.match(agent_id, /^[0-9A-F]{32}$/)
                assert.ok(Math.abs(create_ts - Date.now() / 1000) < 60)
                assert.equal(status, 'RUNNING')
                assert.deepEqual(stand_in.services, ['RTC', 'RTM', service])
                assert.deepEqual(stand_in.carried.slice(0, 2), [
                    'RTC: channel demo, uid 9, may join, publish audio, publish video, publish data streams', 'RTM: log in as 9',
                ])
                assert.equal(stand_in.service_of_the_product, true)

                const twice = await agora(product, 'join', authorization, asked)
                // Agora documents the agent's id in this answer for Conversational AI alone.
                assert.deepEqual([twice.status, twice.body.reason, twice.body.agent_id], [409, 'TaskConflict', product === 'convoai' ? agent_id : undefined])
                // A name is unique within a channel. Who has a token for another channel does not learn that this agent runs.
                const elsewhere = built({ channel: 'demo2' })
                const sameName = { ...body(elsewhere, { channel: 'demo2' }), name: asked.name }
                const other = await agora(product, 'join', `agora token=${elsewhere}`, sameName)
                assert.equal(other.body.status, 'RUNNING', JSON.stringify(other))
                assert.equal((await agora(product, `agents/${other.body.agent_id}/leave`, `agora token=${elsewhere}`, {})).status, 200)
                const look = async () => (await agora(product, `agents/${agent_id}`, authorization)).body
                assert.deepEqual([(await look()).status, (await look()).agent_id], ['RUNNING', agent_id])
                assert.deepEqual(await agora(product, `agents/${agent_id}/leave`, authorization, {}), { status: 200, body: undefined })
                assert.equal((await look()).status, 'STOPPED')
                assert.equal((await agora(product, `agents/${agent_id}/leave`, authorization, {})).status, 404)
                assert.equal((await agora(product, 'agents/0', authorization)).body.reason, 'TaskNotFound')
            }
        })

        it(`refuses every wrong token for ${service}`, async () => {
            const good = built()
            assert.equal((await agora(product, 'join', `agora token=${good}`, body(good))).status, 200, 'a good token, so the refusals mean something')
            const now = Math.floor(Date.now() / 1000)
            const old = RtcTokenBuilder006.buildTokenWithUid(APP, CERTIFICATE, 'demo', 9, RtcRole.PUBLISHER, now + 3600)
            assert.match(old, /^006/)
            const invalid = { message: 'Invalid token' }
            const wrong = {
                'that has ended': [built({ age: 7200 }), { message: 'Token is expired' }, 'The token has ended.'],
                'that ends now': [built({ age: 3600 }), { message: 'Token is expired' }, 'The token has ended.'],
                'whose privilege to join has ended': [built({ age: 100, join: 60 }), invalid, 'The token opens no RTC channel.'],
                'of another certificate': [built({ certificate: strangers.agora.app_certificate }), invalid, 'The signature is not that of the project’s certificate.'],
                'of another project': [built({ app: '1'.repeat(32) }), invalid, 'The token is for another project.'],
                'for another channel': [built({ channel: 'demo2' }), invalid, 'The token is for another channel.'],
                'for another uid': [built({ uid: '99' }), invalid, 'The token is for another uid.'],
                'without RTC': [built({ rtc: false }), invalid, 'The token opens no RTC channel.'],
                'with a changed signature': [changed(good, 2), invalid, 'The signature is not that of the project’s certificate.'],
                'with a changed privilege': [changed(good, -1), invalid, 'The signature is not that of the project’s certificate.'],
                'that is cut': [good.slice(0, -30), invalid, 'Nothing can be read from the token.'],
                'of version 006': [old, invalid, 'It is not a token of version 007.'],
                ...(product === 'convoai' ? {
                    'without RTM': [built({ rtm: false }), invalid, 'The agent uses RTM, and the token does not open it.'],
                    'of another RTM user': [built({ login: 'agent' }), invalid, 'The token’s RTM user is not the agent’s uid.'],
                } : {
                    'that only listens': [built({ data: 0 }), invalid, 'The token does not allow publishing data streams, and the bot publishes captions.'],
                    'whose privilege to publish has ended': [
                        built({ age: 100, data: 60 }), invalid, 'The token does not allow publishing data streams, and the bot publishes captions.',
                    ],
                }),
            }
            for (const [name, [token, said, refused]] of Object.entries(wrong)) {
                const { status, body: answered } = await agora(product, 'join', `agora token=${token}`, body(token))
                assert.deepEqual([status, answered], [401, { ...said, stand_in: { refused } }], `a token ${name}`)
            }
            // The token in the header and the token in the body are both verified.
            const stranger = built({ certificate: strangers.agora.app_certificate })
            assert.equal((await agora(product, 'join', `agora token=${stranger}`, body(good))).status, 401)
            assert.equal((await agora(product, 'join', `agora token=${good}`, body(stranger))).status, 401)
            const withHeader = async header => (await agora(product, 'join', `agora token=${header}`, body(good))).body
            assert.equal((await withHeader(built({ channel: 'demo2' }))).stand_in.refused, 'The token is for another channel.')
            const otherUid = await withHeader(built({ uid: '99' }))
            if (product === 'convoai') assert.equal(otherUid.stand_in.refused, 'The token is for another uid.')
            else assert.equal(otherUid.status, 'RUNNING', 'any user’s token may be in the header')
            if (product === 'stt') assert.equal((await withHeader(built({ data: 0 }))).status, 'RUNNING', 'also that of a user who only listens')
            // Without RTM, nobody cares who the RTM user is.
            const withoutRtm = built({ login: 'agent', data: product === 'stt' ? 3600 : 0 })
            assert.equal((await agora(product, 'join', `agora token=${withoutRtm}`, body(withoutRtm, { rtm: false }))).status, 200)
            for (const header of [undefined, '', 'agora token=', 'agora token=""', `Bearer ${good}`, good, 'Basic YTpi', `agora token=${good} x`]) {
                const { status, body: answered } = await agora(product, 'join', header, body(good))
                assert.deepEqual([status, answered.message], [401, 'Invalid authentication credentials'], header)
            }
            assert.equal((await agora(product, 'join', `agora token=${good}`, body(good), '1'.repeat(32))).status, 401, 'the path names another project')
            // A token for another channel learns nothing about an agent, and stops none.
            const { body: { agent_id } } = await agora(product, 'join', `agora token=${good}`, body(good))
            for (const [path, sent] of [[`agents/${agent_id}`], [`agents/${agent_id}/leave`, {}]]) {
                assert.equal((await agora(product, path, `agora token=${built({ channel: 'other' })}`, sent)).status, 401)
                assert.equal((await agora(product, path, undefined, sent)).status, 401)
            }
            assert.equal((await agora(product, `agents/${agent_id}`, `agora token=${good}`)).body.status, 'RUNNING')
        })

        it(`refuses requests for ${service} that lack something`, async () => {
            const token = built()
            const without = (object, path) => {
                const [first, ...rest] = path.split('.')
                const { [first]: inside, ...others } = object
                return rest.length === 0 ? others : { ...others, [first]: without(inside, rest.join('.')) }
            }
            const needed = {
                convoai: ['name', 'properties', 'properties.channel', 'properties.token', 'properties.agent_rtc_uid', 'properties.remote_rtc_uids'],
                stt: ['name', 'languages', 'rtcConfig', 'rtcConfig.channelName', 'rtcConfig.pubBotUid', 'rtcConfig.pubBotToken'],
            }
            for (const path of needed[product]) {
                const { status, body: { reason } } = await agora(product, 'join', `agora token=${token}`, without(body(token), path))
                assert.deepEqual([status, reason], [400, 'InvalidRequest'], path)
            }
        })

        it(`refuses values of another type for ${service}`, async () => {
            const token = built()
            const good = body(token)
            const inside = product === 'convoai' ? 'properties' : 'rtcConfig'
            const wrong = {
                convoai: [
                    ...[[1002], ['1002', 7], '1002', [], [''], {}, null].map(remote_rtc_uids => ({ remote_rtc_uids })),
                    ...[9, 'nine', '', ['9']].map(agent_rtc_uid => ({ agent_rtc_uid })),
                ],
                stt: [
                    ...[9, 'nine', '9x', '-9', '', ['9'], null].map(pubBotUid => ({ pubBotUid })),
                    { channelName: 7 }, { pubBotToken: 7 },
                ],
            }[product].map(field => ({ ...good, [inside]: { ...good[inside], ...field } }))
            if (product === 'stt') wrong.push(...[[7], ['en-US', null], 'en-US', [], [''], {}].map(languages => ({ ...good, languages })))
            for (const asked of [...wrong, { ...good, [inside]: 'x' }, { ...good, [inside]: null }, 'x', 5, null, []]) {
                const { status, body: answered } = await agora(product, 'join', `agora token=${token}`, asked)
                assert.deepEqual([status, answered.reason], [400, 'InvalidRequest'], JSON.stringify(asked))
            }
            const long = await agora(product, 'join', `agora token=${token}`, { ...good, more: 'x'.repeat(1_000_000) })
            assert.deepEqual([long.status, long.body.reason], [413, 'InvalidRequest'])
        })
    }

    // Agora's documentation does not ask for the product's own service in a token. So SECURITY.md advises another project for these products.
    it('accepts a user’s own token for both products', async () => {
        const jwt = await jwtOf('alice')
        const plain = await mint(jwt, '/rtc/demo/token', { role: 'publisher' })
        const withRtm = await mint(jwt, '/rtc/demo/token', { role: 'publisher', with: ['rtm'] })
        // In this one RTC and RTM have the same user.
        const asAccount = await mint(jwt, '/rtc/demo/token', { role: 'publisher', account: 'alice', with: ['rtm'] })
        assert.deepEqual([plain.status, withRtm.status, asAccount.status], [200, 200, 200], JSON.stringify(withRtm))
        const uid = String(plain.uid)
        for (const [product, { token }, rtm, name = uid] of [
            ['stt', plain, false], ['stt', withRtm, false], ['convoai', plain, false], ['convoai', withRtm, false], ['convoai', asAccount, true, 'alice'],
        ]) {
            const { status, body } = await agora(product, 'join', `agora token=${token}`, PRODUCTS[product].body(token, { uid: name, rtm }))
            assert.deepEqual([status, body.status, body.stand_in.service_of_the_product], [200, 'RUNNING', false], `${product} ${rtm} ${JSON.stringify(body)}`)
        }
        const asUid = await agora('convoai', 'join', `agora token=${withRtm.token}`, PRODUCTS.convoai.body(withRtm.token, { uid, rtm: true }))
        assert.equal(asUid.body.stand_in.refused, 'The token’s RTM user is not the agent’s uid.')
        // Such an agent has the user's channel and the user's uid, and no others.
        const other = await agora('convoai', 'join', `agora token=${withRtm.token}`, PRODUCTS.convoai.body(withRtm.token, { uid: '9' }))
        assert.equal(other.body.stand_in.refused, 'The token is for another uid.')
        const elsewhere = await agora('stt', 'join', `agora token=${withRtm.token}`, PRODUCTS.stt.body(withRtm.token, { uid, channel: 'bob-1' }))
        assert.equal(elsewhere.body.stand_in.refused, 'The token is for another channel.')
    })
})

describe('a JWT for backends', () => {
    it('is what the route for agents’ tokens needs', async () => {
        const asked = { uid: 9, service: 'convoai', rtm_user_id: 'agent' }
        assert.equal((await mint(undefined, '/rtc/demo/agent-token', asked)).status, 401)
        assert.equal((await mint(await jwtOf('alice'), '/rtc/demo/agent-token', asked)).status, 403)
        assert.equal((await mint(await jwtOf('alice', { audience: 'uikit' }), '/rtc/demo/agent-token', asked)).status, 401)
    })

    it('is given to the backend’s client alone', async () => {
        const { DEMO_BACKEND_CLIENT_ID: id, DEMO_BACKEND_CLIENT_SECRET: secret } = CLIENT
        const { jwt } = await clientCredentials(id, secret)
        const { aud, scope, rooms } = JSON.parse(Buffer.from(jwt.split('.')[1], 'base64url'))
        assert.deepEqual([aud, scope, rooms], ['tokenmint-backends', 'mint', undefined])
        assert.deepEqual(await clientCredentials(id, 'wrong'), { status: 401, jwt: undefined })
        assert.equal((await clientCredentials('tokenmint-demo', '')).jwt, undefined)
        assert.match(await jwtOf('alice', { audience: 'tokenmint-backends' }), /No user gets this audience/)
        // It opens no user's route.
        const headers = { authorization: `Bearer ${jwt}` }
        assert.equal((await fetch(`${service.url}/rtm/me/token`, { headers })).status, 403)
    })
})

/** What the backend answers to this user. `at` is another backend. */
async function ask(name, method, path, body, more = {}, at = backend) {
    const authorization = name === undefined ? {} : { authorization: `Bearer ${name.includes('.') ? name : await jwtOf(name)}` }
    const headers = { ...authorization, ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...more }
    const sent = body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }
    const answer = await fetch(`${at.url}${path}`, { method, headers, ...sent })
    const text = await answer.text()
    assert.doesNotMatch(text, SECRET, 'the backend gives no token and no JWT away')
    // A refusal has a `status`, and an agent has another.
    return { http: answer.status, status: answer.status, ...JSON.parse(text) }
}

/** A server in the place of Agora's REST API or of Tokenmint. `answer` gets the path, and returns a status and a body. */
async function inPlaceOf(answer) {
    const server = createServer((request, response) => {
        request.resume()
        const [status, text] = answer(request.url, request.method)
        response.writeHead(status, { 'content-type': 'application/json' }).end(text)
    })
    await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
    return { url: `http://127.0.0.1:${server.address().port}`, end: () => server.close() }
}

describe('the backend', () => {
    it('lets nobody see or stop another user’s agent', async () => {
        const { status, agent_id } = await ask('alice', 'POST', '/agents', { channel: 'demo', product: 'stt' })
        assert.equal(status, 'RUNNING')
        assert.deepEqual((await ask('bob', 'GET', '/agents')).agents, [])
        for (const method of ['GET', 'DELETE']) assert.equal((await ask('bob', method, `/agents/${agent_id}`)).what, 'There is no such agent.')
        assert.equal((await ask('bob', 'POST', '/agents', { channel: 'demo', product: 'stt' })).what, 'An agent of this product is in this channel already.')
        assert.equal((await ask('alice', 'GET', `/agents/${agent_id}`)).status, 'RUNNING')
        assert.equal((await ask('alice', 'DELETE', `/agents/${agent_id}`)).status, 'STOPPED')
        assert.equal((await ask('alice', 'DELETE', `/agents/${agent_id}`)).what, 'There is no such agent.')
    })

    it('starts agents only in a user’s rooms, and not many', async () => {
        for (const channel of ['bob-1', 'demo2', 'Demo', '*', 'alice', 'alice-*', ' demo']) {
            const { status, what, why, parameter } = await ask('alice', 'POST', '/agents', { channel, product: 'stt' })
            assert.deepEqual([status, what, parameter], [403, 'You may not start an agent in this channel.', 'channel'], channel)
            // Tokenmint's reason.
            assert.match(why, /^channel: (the caller may not enter this one|an RTC channel name must not contain)/)
        }
        const started = []
        for (const channel of ['eve-1', 'eve-2', 'eve-3']) started.push((await ask('eve', 'POST', '/agents', { channel, product: 'convoai' })).agent_id)
        assert.equal((await ask('eve', 'POST', '/agents', { channel: 'eve-4', product: 'convoai' })).what, 'You have 3 agents already.')
        for (const id of started) assert.equal((await ask('eve', 'DELETE', `/agents/${id}`)).status, 'STOPPED')
        assert.equal((await ask('eve', 'GET', '/agents')).agents.length, 0)
    })

    it('starts no more agents for many requests at the same time', async () => {
        const jwt = await jwtOf('racer')
        const race = async (channels, at = backend) => {
            const answers = await Promise.all(channels.map(channel => ask(jwt, 'POST', '/agents', { channel, product: 'stt' }, {}, at)))
            return { started: answers.filter(({ http }) => http === 201), refused: answers.filter(({ http }) => http === 429), answers }
        }
        const channels = Array.from({ length: 25 }, (_, number) => `racer-${number}`)
        for (let round = 0; round < 2; round += 1) {
            const { started, refused } = await race(channels)
            assert.deepEqual([started.length, refused.length], [3, 22])
            assert.equal(refused[0].what, 'You have 3 agents already.')
            const { agents } = await ask(jwt, 'GET', '/agents')
            assert.deepEqual(agents.map(each => each.agent_id).sort(), started.map(each => each.agent_id).sort())
            for (const { agent_id } of started) assert.equal((await ask(jwt, 'DELETE', `/agents/${agent_id}`)).status, 'STOPPED')
        }
        // A start that fails gives its place back.
        const down = await inPlaceOf(() => [503, '{"detail":"agent startup failure"}'])
        try {
            const beside = await startBackend({ ...users, ...BACKEND, ...CLIENT, SERVICE: service.url, AGORA_REST: down.url })
            for (let round = 0; round < 3; round += 1) {
                const { answers } = await race(channels.slice(0, 3), beside)
                assert.deepEqual(answers.map(({ http }) => http), [502, 502, 502], JSON.stringify(answers))
            }
        } finally {
            down.end()
        }
    })

    it('lets Tokenmint decide who may start an agent', async () => {
        const settings = { ...users, ...BACKEND, REFUSED_CLAIMS: 'sub=mallory', PUBLISH_SCOPE: 'publish', MINTS_PER_MINUTE: '2' }
        // The demo's issuer gives guests no scope.
        const services = await Promise.all([serve(settings), serve({ ...settings, JWT_SCOPE: 'publish' }), serve({ ...users, ...BACKEND, JWT_AUDIENCE: 'others' })])
        try {
            const [strict, scoped, others] = await Promise.all(services.map(({ url }) => startBackend({ ...users, ...BACKEND, ...CLIENT, SERVICE: url })))
            for (const [name, at, http, what, why] of [
                ['alice', strict, 201],
                ['mallory', strict, 401, 'The token service does not accept your sign-in.', /./],
                ['guest-eve', strict, 403, 'You may not start an agent in this channel.', /^role: /],
                ['alice', scoped, 201],
                ['guest-eve', scoped, 403, 'You may not start an agent in this channel.', /scope/],
                ['alice', others, 401, 'The token service does not accept your sign-in.', /./],
            ]) {
                const said = await ask(name, 'POST', '/agents', { channel: `${name}-${names++}`, product: 'stt' }, {}, at)
                assert.deepEqual([said.http, said.what], [http, what], JSON.stringify(said))
                if (why !== undefined) assert.match(said.why, why)
            }
            // The user's own tokens are limited, so this user starts no third agent within a minute.
            assert.equal((await ask('alice', 'POST', '/agents', { channel: 'alice-x', product: 'stt' }, {}, strict)).http, 201)
            const limited = await ask('alice', 'POST', '/agents', { channel: 'alice-y', product: 'stt' }, {}, strict)
            assert.deepEqual([limited.http, limited.what], [429, 'The token service gives you no token now.'])
        } finally {
            await Promise.all(services.map(each => each.end()))
        }
    })

    it('refuses odd requests in plain words', async () => {
        const odd = [
            {}, { channel: 'demo' }, { product: 'stt' }, { channel: 7, product: 'stt' }, { channel: ['demo'], product: 'stt' }, null, 5, 'null', '"x"', [],
            ...['toString', '__proto__', 'constructor', ['stt'], { toString: 1 }, { toString: 1, valueOf: 1 }, 7, null].map(product => ({ channel: 'demo', product })),
            ...['.', '..', '\ud800', 'alice-\ud800', 'alice-\u0000', 'alice-\u0001', 'alice-/x?y#z', 'alice-../../chat/app/token', `alice-${'x'.repeat(70)}`]
                .map(channel => ({ channel, product: 'stt' })),
            '{', 'alice', '{"channel":"demo","product":"stt"', JSON.stringify({ channel: 'x'.repeat(20_000) }), 'x'.repeat(1_000_000),
        ]
        for (const asked of odd) {
            const said = await ask('alice', 'POST', '/agents', asked)
            const name = JSON.stringify(asked).slice(0, 80)
            assert.ok([400, 413].includes(said.http), `${name}: ${JSON.stringify(said)}`)
            for (const part of ['what', 'why', 'next']) assert.ok(typeof said[part] === 'string' && said[part] !== '', name)
            if (typeof asked !== 'string') assert.ok(['channel', 'product'].includes(said.parameter), name)
        }
        assert.equal((await ask('alice', 'POST', '/agents', 'x'.repeat(20_000))).http, 413)
        assert.deepEqual((await ask('alice', 'GET', '/agents')).agents, [])
    })

    it('says in plain words that a neighbour is broken', async () => {
        const channel = 'alice-broken'
        const texts = ['<html>Bad gateway</html>', '{', 'null', '[]', '7', '"x"']
        let says = [200, '']
        const other = await inPlaceOf(() => says)
        const settings = { ...users, ...BACKEND, ...CLIENT }
        try {
            const [agoraBroken, tokenmintBroken, providerBroken, openBroken] = await Promise.all([
                startBackend({ ...settings, SERVICE: service.url, AGORA_REST: other.url }),
                startBackend({ ...settings, SERVICE: other.url }),
                startBackend({ ...settings, JWT_ISSUER: other.url, SERVICE: service.url }),
                startBackend({ IDENTITY: 'none', SERVICE: other.url }),
            ])
            const jwt = await jwtOf('alice')
            for (const status of [200, 502]) {
                for (const text of [...texts, '{}', '{"agent_id":7,"status":"RUNNING"}', '{"agent_id":"../x","status":"RUNNING"}', '{"agent_id":"X"}', '{"detail":{}}', '{"token":7}']) {
                    says = [status, text]
                    for (const [at, who] of [[agoraBroken, jwt], [tokenmintBroken, jwt], [providerBroken, jwt], [openBroken, undefined]]) {
                        const said = await ask(who, 'POST', '/agents', { channel, product: 'stt' }, {}, at)
                        assert.ok([502, 503].includes(said.http), `${status} ${text}: ${JSON.stringify(said)}`)
                        assert.match(said.what, /^(The stand-in for Agora’s REST API|The token service|Your provider) /)
                        for (const part of ['why', 'next']) assert.equal(typeof said[part], 'string')
                    }
                }
            }
            // It also answers for an agent that runs.
            says = [200, '{"agent_id":"X1","create_ts":1,"status":"RUNNING","stand_in":{"carried":[7,"RTC"]}}']
            const { agent_id, carried } = await ask(jwt, 'POST', '/agents', { channel, product: 'stt' }, {}, agoraBroken)
            assert.deepEqual([agent_id, carried], ['X1', ['RTC']])
            for (const text of [...texts, '{}']) {
                says = [200, text]
                for (const path of ['/agents', '/agents/X1']) assert.equal((await ask(jwt, 'GET', path, undefined, {}, agoraBroken)).http, 502, text)
            }
        } finally {
            other.end()
        }
    })

    it('counts an agent until it has stopped or failed', async () => {
        let status = 'STARTING'
        let started = 0
        const agoras = await inPlaceOf((path, method) => [200, method === 'POST' ? `{"agent_id":"A${started++}","status":"${status}"}` : `{"status":"${status}"}`])
        try {
            const at = await startBackend({ ...users, ...BACKEND, ...CLIENT, SERVICE: service.url, AGORA_REST: agoras.url })
            const starts = async () => (await ask('frank', 'POST', '/agents', { channel: 'frank-1', product: 'stt' }, {}, at)).http
            const list = async () => (await ask('frank', 'GET', '/agents', undefined, {}, at)).agents.map(each => each.status)
            for (const end of ['STOPPED', 'FAILED']) {
                status = 'STARTING'
                assert.deepEqual([await starts(), await starts(), await starts()], [201, 201, 201])
                for (status of ['IDLE', 'STARTING', 'RUNNING', 'STOPPING', 'RECOVERING']) {
                    assert.deepEqual(await list(), [status, status, status])
                    assert.equal(await starts(), 429, status)
                }
                status = end
                assert.deepEqual(await list(), [])
            }
        } finally {
            agoras.end()
        }
    })

    it('believes no JWT but a user’s', async () => {
        const [header, payload, signature] = (await jwtOf('alice')).split('.')
        const encoded = value => Buffer.from(JSON.stringify(value)).toString('base64url')
        const claims = JSON.parse(Buffer.from(payload, 'base64url'))
        const { jwt: ofBackend } = await clientCredentials(CLIENT.DEMO_BACKEND_CLIENT_ID, CLIENT.DEMO_BACKEND_CLIENT_SECRET)
        const refused = [
            undefined, 'a.b.c', ofBackend, await jwtOf('alice', { audience: 'uikit' }),
            [header, encoded({ ...claims, sub: 'bob' }), signature].join('.'),
            `${encoded({ alg: 'none', typ: 'at+jwt' })}.${payload}.x`,
            `${encoded({ alg: 'HS256', typ: 'at+jwt', kid: 'demo' })}.${payload}.${signature}`,
        ]
        for (const jwt of refused) assert.equal((await ask(jwt, 'GET', '/agents')).what, 'This backend does not know who you are.', jwt)
    })

    it('says whether the token service refuses a value, or this backend itself', async () => {
        const ofOthers = { BACKEND_AUDIENCE: 'others', BACKEND_SCOPE: 'mint' }
        const services = await Promise.all([
            serve({}),
            serve({ MAX_TOKEN_TTL_SECONDS: '600', DEFAULT_TOKEN_TTL_SECONDS: '600' }),
            serve({ ...users, ...ofOthers }),
            // This one takes a backend's JWT for a user's.
            serve({ ...users, JWT_AUDIENCE: `tokenmint,${BACKEND.BACKEND_AUDIENCE}`, ...ofOthers }),
        ])
        const said = async (at, asked, settings) => {
            const { url } = await startBackend({ SERVICE: at.url, ...settings })
            const headers = { 'content-type': 'application/json', ...(settings.IDENTITY === 'none' ? {} : { authorization: `Bearer ${await jwtOf('alice')}` }) }
            const answer = await fetch(`${url}/agents`, { method: 'POST', headers, body: JSON.stringify(asked) })
            return { status: answer.status, ...await answer.json() }
        }
        try {
            const [open, brief, strict, mistaken] = services
            const wildcard = await said(open, { channel: 'demo*', product: 'stt' }, { IDENTITY: 'none' })
            assert.deepEqual([wildcard.status, wildcard.what, wildcard.parameter], [400, 'The token service refused a value.', 'channel'])
            assert.match(wildcard.why, /^channel: .* must not contain '\*'/)
            const malformed = await said(open, { channel: 'ä', product: 'stt' }, { IDENTITY: 'none' })
            assert.deepEqual([malformed.status, malformed.what, malformed.parameter], [400, 'The token service refused a value.', 'channel'])
            // The user cannot correct what the backend asks for.
            const lifetime = await said(brief, { channel: 'demo', product: 'stt' }, { IDENTITY: 'none' })
            assert.deepEqual([lifetime.status, lifetime.what, lifetime.parameter], [502, 'The token service refused a value.', undefined])
            assert.match(lifetime.why, /^expires_in: /)
            for (const [at, why] of [[strict, /./], [mistaken, /^this token is for backends/]]) {
                const { status, what, why: because, next } = await said(at, { channel: 'demo', product: 'stt' }, { ...users, ...BACKEND, ...CLIENT })
                assert.deepEqual([status, what], [502, 'The token service does not believe this backend.'])
                assert.match(because, why)
                assert.match(next, /BACKEND_AUDIENCE and BACKEND_SCOPE/)
            }
        } finally {
            await Promise.all(services.map(each => each.end()))
        }
    })

    it('needs to know who the user is', async () => {
        const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
        const other = await inPlaceOf(path => [200, JSON.stringify(path === '/keys'
            ? { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'one', alg: 'RS256' }] }
            : { issuer: other.url, jwks_uri: `${other.url}/keys`, token_endpoint: `${other.url}/token` })])
        const encoded = value => Buffer.from(JSON.stringify(value)).toString('base64url')
        const signed = claims => {
            const good = { iss: other.url, aud: 'tokenmint', sub: 'heidi', exp: Math.floor(Date.now() / 1000) + 60 }
            const text = `${encoded({ alg: 'RS256', kid: 'one', typ: 'at+jwt' })}.${encoded({ ...good, ...claims })}`
            return `${text}.${sign('sha256', Buffer.from(text), privateKey).toString('base64url')}`
        }
        try {
            const at = await startBackend({ ...users, ...BACKEND, ...CLIENT, JWT_ISSUER: other.url, SERVICE: service.url })
            const list = claims => ask(signed(claims), 'GET', '/agents', undefined, {}, at)
            assert.deepEqual((await list({})).agents, [])
            for (const claims of [
                ...[7, '', null, ['heidi'], { id: 'heidi' }, undefined].map(sub => ({ sub })),
                { exp: 1 }, { exp: undefined }, { iss: 'http://localhost' }, { aud: 'others' }, { aud: [['tokenmint']] }, { aud: undefined },
                { nonce: 'n' }, { token_use: 'id' }, { typ: 'ID' },
            ]) {
                const { http, what } = await list(claims)
                assert.deepEqual([http, what], [401, 'This backend does not know who you are.'], JSON.stringify(claims))
            }
        } finally {
            other.end()
        }
    })

    it('answers no page from elsewhere', async () => {
        const body = { channel: 'demo', product: 'stt' }
        for (const site of ['cross-site', 'same-site']) assert.equal((await ask('alice', 'POST', '/agents', body, { 'sec-fetch-site': site })).status, 403)
        assert.equal((await ask('alice', 'POST', '/agents', body, { 'content-type': 'text/plain' })).status, 415)
    })
})

const starts = page => page.getByRole('button', { name: 'Start the agent' })
const stops = page => page.getByRole('button', { name: 'Stop the agent' })

async function signInAs(page, name) {
    await page.getByRole('heading', { name: 'Sign in to the demo' }).waitFor({ timeout: PATIENCE })
    await page.getByLabel('Your name').fill(name)
    await page.getByRole('button', { name: 'Sign in' }).click()
}

describe('on the page', { timeout: 4 * PATIENCE }, () => {
    for (const [product, { service: said }] of Object.entries(PRODUCTS)) {
        it(`a signed-in user starts an agent of ${said}, sees it run, and stops it`, () => onStage(browser, nobodysCloud, async ({ page }) => {
            await page.goto(`${url}/agent.html?product=${product}`)
            await page.getByText('You are not signed in.').waitFor()
            await page.getByLabel('Channel').fill('carol-1')
            if (product === 'convoai') await photograph(page, 'demo-agent-fresh')
            await starts(page).click()
            await signInAs(page, 'carol')
            await page.getByText('Signed in as carol').waitFor({ timeout: PATIENCE })
            await page.locator('#status:text-is("Running")').waitFor({ timeout: PATIENCE })
            const facts = await page.locator('#facts').innerText()
            for (const fact of ['carol-1', 'RUNNING']) assert.ok(facts.includes(fact), facts)
            const uid = /uid\s+(\d+)/.exec(facts)[1]
            // Tokenmint assigns no user a number from 2³¹ on. Agora's support wants a smaller one for Conversational AI.
            assert.equal(Number(uid) >= 2 ** 31, product === 'stt', uid)
            assert.deepEqual(await page.locator('#carried li').allInnerTexts(), [
                `RTC: channel carol-1, uid ${uid}, may join, publish audio, publish video, publish data streams`, `RTM: log in as ${uid}`, said,
            ])
            await photograph(page, `demo-agent-${product}`)
            const html = await page.content()
            assert.doesNotMatch(html, SECRET, 'the page has no token and no JWT')

            // A page that is loaded again shows the same agent, and starts no second one.
            const id = /agent id\s+(\w{32})/.exec(facts)[1]
            await page.reload()
            await page.getByText('An agent that you started before runs').waitFor({ timeout: PATIENCE })
            assert.ok((await page.locator('#facts').innerText()).includes(id))
            await stops(page).click()
            await page.locator('#status:text-is("Stopped")').waitFor({ timeout: PATIENCE })
            assert.equal(await page.evaluate(() => document.activeElement.id), 'start')
            assert.equal(await page.locator('#says').isVisible(), false)
            assert.deepEqual((await ask('carol', 'GET', '/agents')).agents, [])
        }))
    }

    it('a link of another site starts no agent', () => onStage(browser, nobodysCloud, async ({ page, edge }) => {
        const started = []
        page.on('request', request => request.method() === 'POST' && request.url().endsWith('/agents') && started.push(request.url()))
        await page.goto(`${url}/agent.html`)
        await page.getByRole('button', { name: 'Sign in' }).click()
        await signInAs(page, 'grace')
        await page.getByText('Signed in as grace').waitFor({ timeout: PATIENCE })
        let link
        const stranger = createServer((_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end(`<script>location = ${JSON.stringify(link)}</script>`))
        await new Promise(resolve => stranger.listen(0, '127.0.0.1', resolve))
        try {
            for (const value of ['1', '', 'null', 'undefined', '00000000-0000-4000-8000-000000000000']) {
                link = `${url}/agent.html?start=${value}&channel=grace-1&product=stt`
                await page.goto(`http://127.0.0.1:${stranger.address().port}/`)
                await page.waitForURL(`${url}/agent.html?channel=grace-1&product=stt`, { timeout: PATIENCE })
                await page.getByText('Signed in as grace').waitFor({ timeout: PATIENCE })
                await page.waitForLoadState('networkidle')
                assert.equal(await page.locator('#status').innerText(), 'No agent', value)
            }
            // A user who turned back at the sign-in has left a value in this tab. Another site does not know it, and it is good once.
            await page.evaluate(() => sessionStorage.setItem('start', 'of-this-tab'))
            link = `${url}/agent.html?start=1&channel=grace-1&product=stt`
            await page.goto(`http://127.0.0.1:${stranger.address().port}/`)
            await page.waitForURL(`${url}/agent.html?channel=grace-1&product=stt`, { timeout: PATIENCE })
            await page.waitForLoadState('networkidle')
            assert.equal(await page.evaluate(() => sessionStorage.getItem('start')), null)
            assert.deepEqual(started, [])
            assert.deepEqual((await ask('grace', 'GET', '/agents')).agents, [])
        } finally {
            stranger.close()
        }
    }))

    it('another user’s channel is refused, and the field is marked', () => onStage(browser, nobodysCloud, async ({ page }) => {
        await page.goto(`${url}/agent.html?channel=bob-1`)
        await page.getByRole('button', { name: 'Sign in' }).click()
        await signInAs(page, 'carol')
        await page.getByText('Signed in as carol').waitFor({ timeout: PATIENCE })
        await starts(page).click()
        await page.locator('#channel[aria-invalid]').waitFor({ timeout: PATIENCE })
        assert.match(await page.locator('#problem').innerText(), /You may not start an agent in this channel/)
        await photograph(page, 'demo-agent-refused')
        await page.getByLabel('Channel').fill('')
        await starts(page).click()
        await page.getByText('This field must not be empty.').waitFor()
    }))

    it('says that a session has ended, and the agent stays', () => onStage(browser, nobodysCloud, async ({ page, edge }) => {
        await page.goto(`${url}/agent.html?channel=dave-1`)
        await page.getByRole('button', { name: 'Sign in' }).click()
        await signInAs(page, 'dave')
        await page.getByText('Signed in as dave').waitFor({ timeout: PATIENCE })
        await starts(page).click()
        await page.locator('#status:text-is("Running")').waitFor({ timeout: PATIENCE })
        await edge.context.clearCookies()
        // The access token ends.
        await page.evaluate(() => {
            for (const [key, text] of Object.entries(sessionStorage)) {
                const kept = JSON.parse(text)
                if (kept.access_token) sessionStorage.setItem(key, JSON.stringify({ ...kept, expires_at: 1 }))
            }
        })
        await stops(page).click()
        await page.getByText('Your sign-in has ended.').first().waitFor({ timeout: PATIENCE })
        assert.equal(await page.locator('#status').innerText(), 'Running')
        const [popup] = await Promise.all([page.waitForEvent('popup'), page.getByRole('button', { name: 'Sign in again' }).click()])
        await signInAs(popup, 'dave')
        await page.getByText('An agent that you started before runs').waitFor({ timeout: PATIENCE })
        await stops(page).click()
        await page.locator('#status:text-is("Stopped")').waitFor({ timeout: PATIENCE })
    }))

    it('without a sign-in everybody starts agents', async () => {
        const open = await serve({})
        const beside = await startBackend({ IDENTITY: 'none', SERVICE: open.url })
        const pages = await serveDemo(open.url, await freePort(), { JWT_ISSUER: '', DEMO_CLIENT_ID: '', AGENTS: beside.url })
        try {
            await onStage(browser, nobodysCloud, async ({ page }) => {
                await page.goto(`${pages.url}/`)
                await page.getByRole('link', { name: 'An agent' }).click()
                await starts(page).click()
                await page.locator('#status:text-is("Running")').waitFor({ timeout: PATIENCE })
                await stops(page).click()
                await page.locator('#status:text-is("Stopped")').waitFor({ timeout: PATIENCE })
            })
        } finally {
            await Promise.all([open.end(), pages.end()])
        }
    })

    it('says if the backend has no client at the provider, and if the backend does not run', async () => {
        const lacking = await startBackend({ ...users, SERVICE: service.url, BACKEND_AUDIENCE: 'backends' })
        const sees = async (agents, words, name) => {
            const pages = await serveDemo(service.url, await freePort(), { ...users, DEMO_CLIENT_ID: 'tokenmint-demo', AGENTS: agents })
            try {
                await onStage(browser, nobodysCloud, async ({ page }) => {
                    await page.goto(`${pages.url}/agent.html`)
                    for (const text of words) await page.locator('#problem', { hasText: text }).waitFor({ timeout: PATIENCE })
                    await photograph(page, name)
                })
            } finally {
                await pages.end()
            }
        }
        const missing = 'Not set: BACKEND_SCOPE, DEMO_BACKEND_CLIENT_ID, DEMO_BACKEND_CLIENT_SECRET.'
        await sees(lacking.url, ['This backend may not ask for an agent’s token.', missing], 'demo-agent-no-client')
        await sees(`http://127.0.0.1:${await freePort()}`, ['The demo’s backend does not answer.'], 'demo-agent-no-backend')
    })
})

describe('the demo', { timeout: 2 * PATIENCE }, () => {
    it('keeps a secret that it was given, so that the page’s commands get a token for another backend', async () => {
        const page = await readFile(`${root}docs/how-to/agents.md`, 'utf8')
        const block = /^DEMO_BACKEND_CLIENT_SECRET=(\S+) make demo .*\n([^`]+)```/m.exec(page)
        const [, secret, commands] = block
        const [service, pages] = [await freePort(), await freePorts(4)]
        const program = `${process.env.CARGO_TARGET_DIR ?? `${root}target`}/debug/tokenmint`
        const { PATH, HOME } = process.env
        const run = spawn(`${root}tools/demo.sh`, [program], {
            env: { PATH, HOME, PORT: String(service), DEMO_PORT: String(pages), DEMO_BACKEND_CLIENT_SECRET: secret }, stdio: ['ignore', 'pipe', 'pipe'],
        })
        let printed = ''
        for (const stream of [run.stdout, run.stderr]) stream.on('data', text => (printed += text))
        const ended = new Promise(resolve => run.once('close', resolve))
        try {
            for (const port of [service, pages + 2, pages + 3]) {
                while (await fetch(`http://localhost:${port}`).catch(() => undefined) === undefined) {
                    assert.equal(run.exitCode, null, printed)
                    await sleep(100)
                }
            }
            // The machine of a test may have no jq.
            const jq = `jq() { node -p 'JSON.parse(require("fs").readFileSync(0, "utf8"))[process.argv[1].slice(1)]' "$2"; }`
            const moved = commands.replaceAll('localhost:5174', `localhost:${pages + 1}`).replaceAll('localhost:9000', `localhost:${service}`)
            const { stdout } = await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', `${jq}\n${moved}`])
            const { token, rtm, uid } = JSON.parse(stdout)
            assert.deepEqual([uid, rtm.user_id], [9, '9'])
            const started = await agora('convoai', 'join', `agora token=${token}`, PRODUCTS.convoai.body(token))
            assert.equal(started.body.stand_in.service_of_the_product, true)
            // The issuer answers before the service asks for its keys.
            assert.match(printed, /"message":"issuer's keys loaded"/)
            assert.doesNotMatch(printed, /"level":"(WARN|ERROR)"/)
            assert.doesNotMatch(printed, new RegExp(`${secret}|${SECRET.source}`))
        } finally {
            run.kill('SIGTERM')
            await ended
        }
    })
})

it('no program has printed a token or a JWT', () => {
    assert.ok(programs.length >= 3)
    for (const printed of [service.printed(), ...programs.map(program => program.printed)]) {
        assert.doesNotMatch(printed, SECRET)
        assert.doesNotMatch(printed, /a request failed/)
        assert.equal(printed.includes(CLIENT.DEMO_BACKEND_CLIENT_SECRET), false)
    }
})
