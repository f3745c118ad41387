// The vendors' real SDKs, in a real Chromium, against the running service. Their clouds cannot be reached from here, so the edge
// stands in for them and collects the tokens that the SDKs send. The vendors' own code verifies these tokens.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { buildDemo, buildPages, built, serveDemo } from './build.mjs'
import { demoProofs } from './demo.mjs'
import { agoraChat } from './edge/agora-chat.mjs'
import { agoraRtc } from './edge/agora-rtc.mjs'
import { agoraRtm } from './edge/agora-rtm.mjs'
import { zegoExpress, zegoZim } from './edge/zego.mjs'
import { credentials } from './verifiers.mjs'
import { freePort, serve, serveFiles, serveGateway, serveNobody } from './service.mjs'
import { check } from './said.mjs'
import { launch, nobodysCloud, onStage, PATIENCE, photograph, screenshots } from './stage.mjs'

/**
 * With this lifetime, an SDK warns ten seconds after a token's issue. By then the keeper no longer counts the token as new (5 s),
 * and it does not yet renew the token by itself (20 s).
 */
const LIFE = 40
/** Chat's SDK warns after four fifths of a token's life. The keeper renews earlier. */
const CHAT_LIFE = 30
/** The lifetime of the tutorials' tokens, because their pages ask for none. */
const DEFAULT_LIFE = 30

const at = path => fileURLToPath(new URL(path, import.meta.url))

const agora = { 'app id': credentials.agora.app_id }
const zego = { 'app id': credentials.zego.app_id, user: 'alice' }
const PUBLISHER = ['join_channel', 'publish_audio', 'publish_video', 'publish_data_stream']

/** The proofs. The longest one stands first. */
const PROOFS = [
    {
        name: 'tutorial-rtm', sdk: 'agora-rtm-1', cloud: agoraRtm(1), wanted: { ...agora, user: '1234', privileges: ['login'] },
        lifetime: DEFAULT_LIFE,
    },
    {
        name: 'tutorial-chat', sdk: 'agora-chat', cloud: agoraChat, wanted: { ...agora, user: 'alice', privileges: ['user'] },
        lifetime: DEFAULT_LIFE, warned: "the SDK's own timer",
    },
    {
        name: 'agora-chat-warned', sdk: 'agora-chat', cloud: agoraChat, wanted: { ...agora, user: 'alice', privileges: ['user'] },
        lifetime: CHAT_LIFE, warned: "the SDK's own timer",
    },
    {
        name: 'agora-chat', sdk: 'agora-chat', cloud: agoraChat, wanted: { ...agora, user: 'alice', privileges: ['user'] },
        lifetime: CHAT_LIFE,
    },
    {
        name: 'agora-rtc', sdk: 'agora-rtc-sdk-ng', cloud: agoraRtc,
        wanted: { ...agora, channel: 'demo', user: '1234', privileges: PUBLISHER },
        // The token goes to the access point first, and then to the edge server.
        steps: ['login', 'join', 'renewal'], warned: "the cloud's message, sent by the edge",
    },
    {
        name: 'agora-rtm-1', sdk: 'agora-rtm-1', cloud: agoraRtm(1), wanted: { ...agora, user: 'alice', privileges: ['login'] },
        warned: "the cloud's message, sent by the edge",
    },
    {
        name: 'agora-rtm', sdk: 'agora-rtm', cloud: agoraRtm(2), wanted: { ...agora, user: 'alice', privileges: ['login'] },
        warned: "the cloud's message, sent by the edge",
    },
    {
        name: 'zego-express', sdk: 'zego-express-engine-webrtc', cloud: zegoExpress,
        wanted: { ...zego, room: 'demo', privileges: ['login', 'publish'], streams: ['s1'] }, warned: "the SDK's own timer",
    },
    {
        name: 'zego-zim', sdk: 'zego-zim-web', cloud: zegoZim, wanted: zego, warned: "the SDK's own timer",
        // Before it sends a token, this SDK checks the token's length, version and expiry.
        first: ['a token cut short: 6000103', 'a token not base64: 6000106', 'a token of another version: 6000107'],
    },
]

/** The demo's pages. Only the lifetime of their tokens is changed. */
const DEMOS = [
    { name: 'chat', cloud: agoraChat, wanted: { ...agora, user: 'alice', privileges: ['user'] }, lifetime: CHAT_LIFE },
    {
        name: 'rtc', cloud: agoraRtc,
        wanted: { ...agora, channel: 'demo', user: 'alice', privileges: ['join_channel'] }, steps: ['login', 'join', 'renewal'],
    },
    { name: 'rtm', cloud: agoraRtm(2), wanted: { ...agora, user: 'alice', privileges: ['login'] } },
    { name: 'rtm-1', cloud: agoraRtm(1), wanted: { ...agora, user: '1234', privileges: ['login'] } },
    { name: 'express', cloud: zegoExpress, wanted: zego },
    { name: 'zim', cloud: zegoZim, wanted: zego },
]

let service, gateway, pages, demo, nobody, browser

before(async () => {
    const building = Promise.all([buildPages(), buildDemo()])
    ;[service, nobody] = await Promise.all([serve({ DEFAULT_TOKEN_TTL_SECONDS: String(DEFAULT_LIFE) }), serveNobody()])
    await building
    ;[pages, demo] = await Promise.all([serveFiles(built), serveDemo(service.url, await freePort())])
    gateway = await serveGateway(service.url, pages.url)
    browser = await launch(nobody.url)
    console.log(`Chromium ${browser.version()}, screenshots in target/screenshots`)
})

after(async () => {
    await browser?.close()
    await Promise.all([service, gateway, pages, demo, nobody].map(server => server?.end()))
})

describe("tokens arrive at the vendors' edges", { concurrency: 4, timeout: 4 * PATIENCE }, () => {
    for (const proof of PROOFS) it(proof.name, () => prove(proof))
    for (const each of DEMOS) it(`demo ${each.name}`, () => show(each))
    for (const [name, act] of demoProofs) it(`demo, ${name}`, () => act({ browser, demo, service }))
    it('a page of another origin reads nothing from the local run', showStranger)
})

it('behind the edge arrived only telemetry of pages that closed, and what Chromium itself asks for', () => {
    const telemetry = /^((rtm\.)?statscollector|webcollector|weblogger|detaillog)[^.]*\.(agora\.io|sd-rtn\.com|zegocloud\.com|coolbcloud\.com)$/
    const chromium = /\.(google|googleapis)\.com$/
    const hosts = nobody.tried.map(line => /^\w+ (?:http:\/\/)?([^:/ ]+)/.exec(line)?.[1] ?? line)
    assert.deepEqual(hosts.filter(host => !telemetry.test(host) && !chromium.test(host)), [])
})

function prove({ name, sdk, cloud, wanted, lifetime = LIFE, steps = ['login', 'renewal'], warned, first = [] }) {
    return onStage(browser, cloud, async ({ page, edge, patience }) => {
        const since = now()
        await page.goto(`${pages.url}/?${new URLSearchParams({ proof: name, service: gateway.url, expires_in: lifetime })}`)
        const report = [`${name}: ${sdk} ${version(sdk)}`, ...await checkSteps({ edge, patience, steps, wanted, lifetime, since })]
        await page.waitForFunction(() => globalThis.happened.includes('renewed'), undefined, { timeout: PATIENCE })
        const happened = [...new Set(await page.evaluate(() => globalThis.happened))]
        assert.deepEqual(happened, [...first, 'logged in', ...(warned ? ['warned'] : []), 'renewed'])
        report.push(`  the page: ${happened.join(', ')}${warned ? ` (warned by ${warned})` : ''}`)
        await page.screenshot({ path: `${screenshots}/sdk-${name}.png` })
        console.log(report.join('\n'))
    })
}

function show({ name, cloud, wanted, lifetime = LIFE, steps = ['login', 'renewal'] }) {
    return onStage(browser, cloud, async ({ page, edge, patience }) => {
        const since = now()
        await page.goto(`${demo.url}/${name}.html?lifetime=${lifetime}`)
        await page.getByRole('button', { name: 'Log in' }).click()
        const report = [`demo ${name}`, ...await checkSteps({ edge, patience, steps, wanted, lifetime, since })]
        await page.locator('#renewals:text-is("1")').waitFor({ timeout: PATIENCE })
        await page.locator('#status[data-state=in]').waitFor({ timeout: PATIENCE })
        await page.getByText('has taken the new token').waitFor({ timeout: PATIENCE })
        assert.equal(await page.locator('#problem').isVisible(), false)
        await photograph(page, `demo-${name}`)
        console.log(report.join('\n'))
    })
}

/** A page of another origin asks the local run, directly and through the demo's server. Only the demo's own page reads a token. */
function showStranger() {
    return onStage(browser, nobodysCloud, async ({ page }) => {
        const path = '/rtm/alice/token'
        const post = { method: 'POST', body: '{"uid":"1234"}' }
        const asked = [
            [`${service.url}${path}`],
            [`${service.url}${path}`.replace('127.0.0.1', 'localhost')],
            [`${service.url}${path}`, { credentials: 'include' }],
            [`${service.url}${path}`, { headers: { authorization: 'Bearer a.b.c' } }],
            [`${service.url}/chat/user/alice/token`],
            [`${service.url}/fetch_rtm_token`, post],
            [`${service.url}/fetch_rtm_token`, { ...post, headers: { 'content-type': 'application/json' } }],
            [`${demo.url}/api${path}`],
            [`${demo.url}/api/fetch_rtm_token`, { ...post, headers: { 'content-type': 'application/json' } }],
        ]
        // These requests are good: outside of a browser, each gets a token.
        for (const [url, init] of asked) assert.equal((await fetch(url, init)).status, 200, url)

        /** Returns what the page can read. It runs in the page. */
        const read = ([url, init]) => fetch(url, init).then(
            async answer => `${answer.type} ${answer.status} ${await answer.text()}`,
            error => `rejected: ${error.name}`,
        )
        await page.goto(`${pages.url}/`)
        for (const each of asked) {
            const what = JSON.stringify(each)
            assert.equal(await page.evaluate(read, each), 'rejected: TypeError', what)
            const [url, init] = each
            // A page may send such a request, but may not read the answer.
            const blind = await page.evaluate(read, [url, { ...init, mode: 'no-cors' }])
            assert.equal(blind, 'opaque 0 ', what)
        }

        await page.goto(`${demo.url}/`)
        assert.match(await page.evaluate(read, [`/api${path}`]), /^basic 200 \{"token":"007/)
    })
}

/** Waits for a token in each step, and checks it. The renewed token must be another one that ends later. */
async function checkSteps({ edge, patience, steps, wanted, lifetime, since }) {
    const report = []
    let last
    for (const step of steps) {
        const sighting = await edge.sighting(step, patience)
        const { expires, lines } = await check(sighting, { wanted, lifetime, since })
        report.push(...lines)
        if (step === 'renewal') {
            assert.notEqual(sighting.token, last.token)
            assert.ok(expires > last.expires, 'the new token ends later')
        }
        last = { token: sighting.token, expires }
    }
    // The SDK sent no other token at any time.
    for (const { token } of edge.sightings) assert.match(token, /^(007|006|04)[A-Za-z0-9+/]+=*$/)
    return report
}

function now() {
    return Math.floor(Date.now() / 1000)
}

function version(sdk) {
    return JSON.parse(readFileSync(at(`../../clients/web/node_modules/${sdk}/package.json`), 'utf8')).version
}
