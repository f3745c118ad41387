// Clients of other token servers, in a real Chromium and in Node, at the routes that they already know. They are unchanged: an app
// gives them only the address of the token server and its user. The vendors' clouds cannot be reached from here, so the edge
// stands in for them. It collects the tokens that the clients send, and the vendors' own code verifies these tokens.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { setTimeout as sleep } from 'node:timers/promises'
import axios from 'axios'
import { buildPages, built } from './build.mjs'
import { agoraRtc } from './edge/agora-rtc.mjs'
import { agoraRtm } from './edge/agora-rtm.mjs'
import { zegoExpress, zegoExpressAndZim } from './edge/zego.mjs'
import { serveIssuer } from './issuer.mjs'
import { check } from './said.mjs'
import { serve, serveFiles, serveNobody } from './service.mjs'
import { launch, onStage, PATIENCE, screenshots } from './stage.mjs'
import { credentials } from './verifiers.mjs'

/**
 * How long the tokens live, in seconds. These clients ask for no lifetime. Agora's stand-in and ZEGO's SDK warn 30 seconds
 * before the end.
 */
const LIFE = 34
/** The uid that the service assigns to alice. */
const ALICE = 786097174
/** The uid in alice's JWT. Her screen joins with it. */
const SCREEN = 4711

const PUBLISHER = ['join_channel', 'publish_audio', 'publish_video', 'publish_data_stream']
const rtc = user => ({ 'app id': credentials.agora.app_id, channel: 'demo', user: String(user), privileges: PUBLISHER })
const rtm = user => ({ 'app id': credentials.agora.app_id, user, privileges: ['login'] })

let issuer, local, signedIn, pages, nobody, browser

before(async () => {
    ;[issuer, pages, nobody] = await Promise.all([serveIssuer(), serveFiles(built), serveNobody(), buildPages()])
    // Without ALLOWED_ORIGINS, the browser would let these pages read no answer, because they are of another origin.
    const both = { DROP_IN: 'true', DEFAULT_TOKEN_TTL_SECONDS: String(LIFE), ALLOWED_ORIGINS: pages.url }
    const users = {
        IDENTITY: 'jwt', JWT_ISSUER: issuer.url, JWT_AUDIENCE: 'tokenmint', PUBLISH_SCOPE: 'publish', RTC_UID_CLAIM: 'rtc_uid',
        UIKIT_JWT_IN_QUERY: 'true', UIKIT_JWT_AUDIENCE: 'tokenmint-uikit',
    }
    ;[local, signedIn] = await Promise.all([serve(both), serve({ ...both, ...users })])
    // Chromium invents a camera, a microphone and a screen, and gives them to every page.
    browser = await launch(nobody.url, '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream')
})

after(async () => {
    await browser?.close()
    await Promise.all([local, signedIn, pages, nobody, issuer].map(server => server?.end()))
})

/** A JWT of alice, who may publish. */
const jwt = (audience = 'tokenmint') => issuer.jwt({ sub: 'alice', aud: audience, scope: 'publish', rtc_uid: SCREEN, lives: 300 })
/** The kit only appends to this. So its requests have the JWT in their query. */
const inQuery = (audience = 'tokenmint-uikit') => `${signedIn.url}/uikit?jwt=${jwt(audience)}&path=`

describe('clients of other token servers', { concurrency: 3, timeout: 6 * PATIENCE }, () => {
    it("Agora's React UI kit, on a local run", () => reactKit('on a local run', {
        tokenUrl: local.url, uid: 1234, screen: 5678, rtmUser: '1234',
    }))
    it("Agora's React UI kit, and a JWT in Authorization", () => reactKit('a JWT in Authorization', {
        tokenUrl: signedIn.url, jwt: jwt(), uid: ALICE, screen: SCREEN, rtmUser: 'alice',
    }))
    it("Agora's React UI kit, and a JWT in the query", () => reactKit('a JWT in the query', {
        tokenUrl: inQuery(), uid: ALICE, screen: SCREEN, rtmUser: 'alice',
    }))
    it("Agora's React UI kit gets no token for anybody else, and goes on", () => reactKitRefused([
        { tokenUrl: signedIn.url, jwt: jwt(), uid: 1234, status: 403, rule: "must be the caller's own" },
        { tokenUrl: signedIn.url, jwt: jwt(), uid: undefined, status: 403, rule: 'must not be 0' },
        { tokenUrl: signedIn.url, uid: ALICE, status: 401, rule: 'carries no JWT' },
        { tokenUrl: inQuery(), uid: 1234, status: 403, rule: "must be the caller's own" },
        { tokenUrl: inQuery('tokenmint'), uid: ALICE, status: 401, rule: 'not valid for this service' },
    ]))
    it("ZEGO's web UIKit", () => zegoKit('without ZIM'))
    it("ZEGO's web UIKit, with its plugin for ZIM", () => zegoKit('with ZIM'))
    it("the clients in Agora's documentation", documentedClients)
    it("the requests of Agora's kits for phones", phoneKits)
})

/** The kit joins, logs in to RTM, shares the screen, and renews. Each token is the answer to the kit's own request. */
function reactKit(how, { tokenUrl, jwt, uid, screen, rtmUser }) {
    return onStage(browser, agoraRtcAndRtm, async ({ page, edge }) => {
        const since = now()
        // The last renewal comes only after a token's end.
        const patience = AbortSignal.timeout(2 * PATIENCE)
        const asked = listen(page, tokenUrl)
        const leaks = watchFor(jwt ?? new URL(tokenUrl).searchParams.get('jwt'), page, tokenUrl)
        const rtcProps = { uid, screenshareUid: screen, enableScreensharing: true }
        await openReactKit(page, tokenUrl, jwt, rtcProps, { uid: rtmUser })
        const report = []
        /** The token is the answer to this request, and for this user. */
        const prove = async (what, { token, ...sighting }, { path, key, nth = 0, wanted }) => {
            const { body, headers } = await asked.answer(path, nth)
            assert.deepEqual(body, { [key]: token }, `${what}: the token that the kit sends, and the answer that it got`)
            assert.equal(headers['cache-control'], 'no-store')
            if (tokenUrl.includes('/uikit?')) assert.equal(headers['referrer-policy'], 'no-referrer')
            const { fields } = await check({ ...sighting, token }, { wanted, lifetime: LIFE, since })
            report.push(line(`agora-react-uikit ${version('agora-react-uikit')}, ${how}`, `GET ${path}`, fields, what))
        }
        const isOf = user => ({ said }) => said.user === String(user)
        const joining = user => ({ path: `/rtc/demo/publisher/uid/${user}/`, key: 'rtcToken', wanted: rtc(user) })
        /** The access point gets the token first, and the edge server then gets the same one. */
        const join = async (what, user) => {
            const { token, ...login } = await edge.sighting('login', patience, isOf(user))
            await edge.sighting('join', patience, join => join.token === token)
            await prove(what, { token, ...login }, joining(user))
        }

        await join('joined', uid)
        const isRtm = ({ where, said }) => where.includes('/api/v1:') && said.user === rtmUser
        await prove('logged in to RTM', await edge.sighting('login', patience, isRtm), {
            path: `/rtm/${rtmUser}`, key: 'rtmToken', wanted: rtm(rtmUser),
        })
        await page.locator(control('screen')).click()
        await join('shared the screen', screen)
        for (const [what, user] of [['renewed', uid], ['renewed the screen', screen]]) {
            const { body } = await asked.answer(joining(user).path, 1)
            const renewal = await edge.sighting('renewal', patience, ({ token }) => token === body.rtcToken)
            await prove(what, renewal, { ...joining(user), nth: 1 })
        }
        // At the end of its RTM token, the kit asks for a token of its RTM user, and for one of its RTC user, too.
        const renewed = [await asked.answer(`/rtm/${rtmUser}`, 1), await asked.answer(`/rtm/${uid}/`)]
        if (String(uid) !== rtmUser) {
            const { status, body } = renewed.pop()
            assert.deepEqual([status, body.rtmToken], [403, ''], 'no RTM token for an id that is not the user’s')
        }
        const isNew = ({ where, token }) => where.includes('/api/v1:') && renewed.some(({ body }) => body.rtmToken === token)
        const again = await edge.sighting('login', patience, isNew)
        const { path } = renewed.find(({ body }) => body.rtmToken === again.token)
        await prove('renewed RTM', again, { path, key: 'rtmToken', nth: path.endsWith('/') ? 0 : 1, wanted: rtm(rtmUser) })

        const given = asked.answers.flatMap(({ body }) => [body.rtcToken, body.rtmToken])
        for (const { token } of edge.sightings) assert.ok(given.includes(token), 'the kit sends no other token')
        assert.deepEqual(leaks, [], 'the JWT goes to the token server alone')
        await page.waitForFunction(() => globalThis.happened.includes('warned'))
        await page.screenshot({ path: `${screenshots}/drop-in-react-uikit.png` })
        console.log(report.join('\n'))
    })
}

/** The kit reads no status. A refusal has the kit's field, so the kit calls its SDK, which refuses the empty token itself. */
function reactKitRefused(cases) {
    return onStage(browser, agoraRtcAndRtm, async ({ page, edge }) => {
        for (const { tokenUrl, jwt, uid, status, rule } of cases) {
            const asked = listen(page, tokenUrl)
            const refused = page.waitForEvent('console', { predicate: said => said.text().includes('INVALID_PARAMS'), timeout: PATIENCE })
            // With RTM, the kit shows its controls only after a join.
            await openReactKit(page, tokenUrl, jwt, { uid, disableRtm: true })
            const path = `/rtc/demo/publisher/uid/${uid ?? 0}/`
            const answer = await asked.answer(path)
            assert.equal(answer.status, status)
            const { message, ...others } = answer.body
            assert.deepEqual(others, { status, rtcToken: '' })
            assert.ok(message.includes(rule), message)
            if (tokenUrl.includes('/uikit?')) assert.equal(answer.headers['referrer-policy'], 'no-referrer')
            await refused
            await page.locator(control('callEnd')).waitFor()
            console.log(`agora-react-uikit: GET ${path}: ${status} ${message}`)
        }
        assert.deepEqual(edge.sightings, [])
    })
}

/** The kit reads its user from our kit token, and sends our token to ZEGO. It renews with a new kit token. */
function zegoKit(how) {
    const zim = how === 'with ZIM'
    return onStage(browser, zim ? zegoExpressAndZim : zegoExpress, async ({ page, edge, patience }) => {
        const since = now()
        const asked = listen(page, signedIn.url)
        const name = "Zoë (李)'s 🎈 #1"
        const path = `/zego/me/token?${new URLSearchParams({ room_id: 'demo', user_name: name, publish: 'true' })}`
        const headers = { Authorization: `Bearer ${jwt()}` }
        await openPage(page, 'zego-uikit-prebuilt', signedIn.url, { path, jwt: jwt(), zim })
        const app = credentials.zego.app_id
        const room = { 'app id': app, user: 'alice', room: 'demo', privileges: ['login', 'publish'] }
        for (const [nth, step] of ['login', 'renewal'].entries()) {
            const { body } = await asked.answer(path, nth)
            for (const cloud of zim ? ['Express', 'ZIM'] : ['Express']) {
                // Both clouds warn, so with ZIM the kit renews twice.
                const isOf = ({ where, token }) => where.includes('/sw/') === (cloud === 'ZIM') && token === body.token
                const sighting = await edge.sighting(step, patience, isOf)
                const { fields } = await check(sighting, { wanted: room, lifetime: LIFE, since })
                if (cloud === 'Express' && step === 'login') assert.equal(sighting.name, name, 'the name that ZEGO gets')
                const who = `zego-uikit-prebuilt ${version('@zegocloud/zego-uikit-prebuilt')}, ${how}`
                console.log(line(who, 'GET /zego/me/token', fields, `${step} to ${cloud}, as ${JSON.stringify(name)}`))
            }
        }
        const { body: { token } } = await asked.answer(path)
        const parsed = { appID: app, userID: 'alice', userName: name, roomID: 'demo', token }
        assert.deepEqual(await page.evaluate(() => globalThis.parsed), parsed)
        await page.screenshot({ path: `${screenshots}/drop-in-zego-uikit.png` })

        // The kit's own function makes the same text of the same parts.
        for (const roomId of ['demo', undefined]) {
            for (const name of ['a', ' ', 'José (admin)\'s 🙂', '+%2B&=#?"\\</script>', '\u0000\n\u007f', '名'.repeat(85)]) {
                const query = new URLSearchParams({ user_name: name, ...(roomId && { room_id: roomId }) })
                const { token, kit_token } = await (await fetch(`${signedIn.url}/zego/me/token?${query}`, { headers })).json()
                const parts = [app, token, roomId ?? '', 'alice', name]
                assert.equal(kit_token, await page.evaluate(parts => globalThis.kitTokenOf(...parts), parts), JSON.stringify(parts))
            }
        }
    })
}

/** The requests in Agora's documentation, each with the default headers of an app that has a JWT. */
async function documentedClients() {
    const since = now()
    const headers = { Authorization: `Bearer ${jwt()}` }
    const app = axios.create({ headers })
    const clients = {
        [`axios ${version('axios')}`]: async (uid, role) => {
            const body = { uid, channelName: 'demo', role }
            const sent = { headers: { 'Content-Type': 'application/json; charset=UTF-8' } }
            return (await app.post(`${signedIn.url}/fetch_rtc_token`, body, sent)).data.token
        },
        // A body of bytes, so that `fetch` adds no content type. The phones' clients send none.
        'fetch, as on a phone': async (uid, role) => {
            const body = new TextEncoder().encode(JSON.stringify({ uid, ChannelName: 'demo', role }))
            const answer = await (await fetch(`${signedIn.url}/fetch_rtc_token`, { method: 'POST', headers, body })).json()
            return +answer.code === 200 ? answer.token : undefined
        },
    }
    for (const [name, fetchToken] of Object.entries(clients)) {
        for (const [role, privileges] of [[1, PUBLISHER], [2, ['join_channel']]]) {
            const token = await fetchToken(ALICE, role)
            const wanted = { ...rtc(ALICE), privileges }
            const { fields } = await check({ token, where: name, said: {} }, { wanted, lifetime: LIFE, since })
            console.log(line(name, `POST /fetch_rtc_token, role ${role}`, fields, 'got it'))
        }
    }
    for (const [uid, rule] of [[1234, "must be the caller's own"], [0, 'must not be 0']]) {
        const { response } = await clients[`axios ${version('axios')}`](uid, 1).catch(error => error)
        assert.equal(response.status, 403)
        const { token, ...others } = response.data
        assert.deepEqual(others, { code: '403' })
        assert.ok(token.includes(rule), token)
        assert.equal(await clients['fetch, as on a phone'](uid, 1), undefined)
        console.log(`axios: POST /fetch_rtc_token for uid ${uid}: 403 ${token}`)
    }
}

/** Kits for phones add only a path to the app's address, as the kit for React does. They write the path in other ways. */
async function phoneKits() {
    const since = now()
    const joining = `/rtc/demo/publisher/uid/${ALICE}`
    const kits = [
        ['React Native and Flutter', joining, 'rtcToken', rtc(ALICE)],
        ['iOS and Android', `${joining}/`, 'rtcToken', rtc(ALICE)],
        ['React Native, Flutter, iOS and Android', '/rtm/alice', 'rtmToken', rtm('alice')],
        ['samples', `/rtc/demo/1/uid/${ALICE}/?expiry=45`, 'rtcToken', rtc(ALICE), 45],
        ['samples', `/rtc/demo/2/uid/${ALICE}/?expiry=45`, 'rtcToken', { ...rtc(ALICE), privileges: ['join_channel'] }, 45],
        ['samples', '/rtm/alice/?expiry=45', 'rtmToken', rtm('alice'), 45],
    ]
    for (const [name, path, key, wanted, lifetime = LIFE] of kits) {
        const answer = await fetch(inQuery() + path)
        const body = await answer.json()
        assert.deepEqual([answer.status, Object.keys(body)], [200, [key]], `${path}: ${JSON.stringify(body)}`)
        const { fields } = await check({ token: body[key], where: name, said: {} }, { wanted, lifetime, since })
        console.log(line(`${name}, a JWT in the query`, `GET ${path}`, fields, 'got it'))
    }
}

/** Collects the token server's answers to a page, in the order of the page's requests. */
function listen(page, tokenUrl) {
    const answers = []
    page.on('response', async response => {
        if (!response.url().startsWith(tokenUrl) || response.request().method() !== 'GET') return
        const answer = { path: response.url().slice(tokenUrl.length), status: response.status(), headers: response.headers(), body: {} }
        answers.push(answer)
        answer.body = await response.json()
    })
    return {
        answers,
        /** Waits for the `nth` answer to this path. */
        answer: async (path, nth = 0) => {
            for (const end = Date.now() + PATIENCE; ; await sleep(50)) {
                const found = answers.filter(answer => answer.path === path)[nth]
                if (found && Object.keys(found.body).length > 0) return found
                if (Date.now() > end) throw new Error(`no answer ${nth} to ${path}, but to ${answers.map(({ path }) => path)}`)
            }
        },
    }
}

/** Collects requests that take the JWT to another server than the token server. */
function watchFor(jwt, page, tokenUrl) {
    const leaks = []
    page.on('request', request => {
        if (jwt === null || request.url().startsWith(tokenUrl)) return
        const sent = [request.url(), JSON.stringify(request.headers()), request.postDataBuffer()?.toString('latin1')].join()
        if (sent.includes(jwt)) leaks.push(request.url())
    })
    return leaks
}

function openReactKit(page, tokenUrl, jwt, rtcProps, rtmProps = {}) {
    const given = { jwt, rtcProps: { appId: credentials.agora.app_id, channel: 'demo', tokenUrl, ...rtcProps }, rtmProps }
    return openPage(page, 'agora-react-uikit', new URL(tokenUrl).origin, given)
}

async function openPage(page, proof, service, given) {
    await page.addInitScript(given => { globalThis.given = given }, given)
    await page.goto(`${pages.url}/?${new URLSearchParams({ proof, service })}`)
}

/** The kit's controls are drawings without names. */
function control(name) {
    return `svg:has(${{ screen: 'line[x1="8"][y1="21"]', callEnd: 'path[d^="M10.68 13.31"]' }[name]})`
}

/** Both of Agora's clouds behind one edge. RTC's messages are text, and RTM's are bytes. */
function agoraRtcAndRtm(edge) {
    const [rtc, rtm] = [agoraRtc(edge), agoraRtm(1.4)(edge)]
    return {
        hosts: rtc.hosts,
        answer: (request, url) => (url.pathname === '/api/v1' ? rtm : rtc).answer(request, url),
        connect: (socket, url) => {
            const [text, bytes] = [rtc, rtm].map(cloud => cloud.connect(socket, url))
            return message => (typeof message === 'string' ? text : bytes)(message)
        },
    }
}

/** One line: what a client was given, for whom, and what it did with it. */
function line(client, request, { user, channel, room, privileges }, done) {
    const place = channel ?? room
    return `${client}: ${request}: for ${user}${place === undefined ? '' : ` in ${place}`}, ${privileges.join(' + ')}: ${done}`
}

function now() {
    return Math.floor(Date.now() / 1000)
}

function version(client) {
    const path = fileURLToPath(new URL(`node_modules/${client}/package.json`, import.meta.url))
    return JSON.parse(readFileSync(path, 'utf8')).version
}
