// People sign in on the demo's pages, in a real Chromium at a real OpenID provider. The tokens that reach the vendor's edge are for
// exactly the signed-in user, and nobody else's can be had.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { setTimeout as sleep } from 'node:timers/promises'
import { buildDemo, serveDemo } from './build.mjs'
import { agoraRtc } from './edge/agora-rtc.mjs'
import { agoraRtm } from './edge/agora-rtm.mjs'
import { check } from './said.mjs'
import { freePort, serve, serveNobody } from './service.mjs'
import { launch, nobodysCloud, onStage, PATIENCE, photograph, SIZES } from './stage.mjs'
import { credentials } from './verifiers.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))
/** How long an access token lives, in seconds. A renewal of our token comes later. */
const JWT_LIVES = 15
/** How long our tokens live. The keeper renews after half of it. */
const LIFE = 40
/** The uid that the service assigns to this user. */
const UIDS = { alice: '786097174' }

let issuer, issuerUrl, service, demo, nobody, browser, url

before(async () => {
    const [issuerPort, demoPort] = [await freePort(), await freePort()]
    issuerUrl = `http://localhost:${issuerPort}`
    const settings = { JWT_ISSUER: issuerUrl, JWT_AUDIENCE: 'tokenmint' }
    issuer = spawn(process.execPath, [`${root}tools/demo-issuer/issuer.mjs`], {
        env: { ...process.env, ISSUER_PORT: String(issuerPort), DEMO_PORT: String(demoPort), ACCESS_TOKEN_SECONDS: String(JWT_LIVES) },
        stdio: 'inherit',
    })
    while (!(await fetch(`${issuerUrl}/jwks`).catch(() => undefined))?.ok) await sleep(100)
    const policy = { ROOMS_CLAIM: 'rooms', PUBLISH_SCOPE: 'publish', RTM_BEYOND_ROOMS: 'allowed' }
    ;[service, nobody] = await Promise.all([serve({ IDENTITY: 'jwt', ...settings, ...policy }), serveNobody(), buildDemo()])
    demo = await serveDemo(service.url, demoPort, { ...settings, DEMO_CLIENT_ID: 'tokenmint-demo', DEMO_SCOPE: 'openid publish' })
    // One site with the provider, as in `make demo`.
    url = `http://localhost:${demoPort}`
    browser = await launch(nobody.url)
})

after(async () => {
    await browser?.close()
    issuer?.kill()
    await Promise.all([service, demo, nobody].map(server => server?.end()))
})

const logIn = page => page.getByRole('button', { name: 'Log in' })

/** On the provider's page. */
async function signInAs(page, name) {
    await page.getByRole('heading', { name: 'Sign in to the demo' }).waitFor({ timeout: PATIENCE })
    await page.getByLabel('Your name').fill(name)
    await page.getByRole('button', { name: 'Sign in' }).click()
}

/** Opens a page, and signs in with its button. */
async function openAs(page, path, name) {
    await page.goto(`${url}/${path}`)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await signInAs(page, name)
    await page.getByText(`Signed in as ${name}`).waitFor({ timeout: PATIENCE })
}

describe('a user signs in on a page', { concurrency: 4, timeout: 4 * PATIENCE }, () => {
    for (const size of ['phone', 'desktop']) it(`and joins a channel as exactly that user, on a ${size}`, () => joins(SIZES[size]))
    it('and gets nobody else’s id, room or role', getsNothingElse)
    it('and stays in the room when the session is over and a new one begins', staysInTheRoom)
    it('and is told so, in every size and colour', photographs)
    it('and the older messaging SDK gets the user’s id', olderRtm)
    it('or takes a JWT on a terminal, and no page can do so', onATerminal)
})

/** The page remembers what was in its fields, and goes on by itself. */
function joins(viewport) {
    return onStage(browser, agoraRtc, async ({ page, edge, patience }) => {
        await page.setViewportSize(viewport)
        const since = Math.floor(Date.now() / 1000)
        await page.goto(`${url}/rtc.html?lifetime=${LIFE}`)
        await page.getByText('You are not signed in.').waitFor()
        await page.locator('#room').fill('alice-2')
        await page.locator('#role').selectOption('publisher')
        await logIn(page).click()
        await signInAs(page, 'alice')
        const wanted = {
            'app id': credentials.agora.app_id, channel: 'alice-2', user: UIDS.alice,
            privileges: ['join_channel', 'publish_audio', 'publish_video', 'publish_data_stream'],
        }
        for (const step of ['login', 'join']) await check(await edge.sighting(step, patience), { wanted, lifetime: LIFE, since })
        await page.locator('#status[data-state=in]').waitFor({ timeout: PATIENCE })
        assert.equal(await page.locator('#room').inputValue(), 'alice-2')
        assert.equal(await page.locator('#role').inputValue(), 'publisher')
        assert.equal(new URL(page.url()).searchParams.has('enter'), false, 'a page that is loaded again does not log in by itself')
    })
}

/** As the pages' commands do it. */
async function onATerminal() {
    const jwt = (asked, headers = {}) => fetch(`${issuerUrl}/jwt`, { method: 'POST', body: new URLSearchParams(asked), headers })
    const mint = async (name, path) => {
        const authorization = `Bearer ${(await (await jwt({ name })).text()).trim()}`
        return fetch(`${service.url}${path}`, { headers: { authorization } })
    }
    const since = Math.floor(Date.now() / 1000)
    const { token } = await (await mint('alice', `/rtc/alice-2/token?expires_in=${LIFE}`)).json()
    const wanted = { channel: 'alice-2', user: UIDS.alice, privileges: ['join_channel'] }
    await check({ step: 'terminal', where: 'a terminal', token, said: {} }, { wanted, lifetime: LIFE, since })
    assert.equal((await mint('alice', '/rtm/bob/token')).status, 403)
    assert.equal((await mint('guest-eve', '/rtc/demo/token?role=publisher')).status, 403)
    for (const wrong of [{}, { name: 'a b' }, { name: 'alice', audience: 'a b' }]) assert.equal((await jwt(wrong)).status, 400)
    // It is for another audience, so the service does not believe it.
    const other = { authorization: `Bearer ${(await (await jwt({ name: 'alice', audience: 'uikit' })).text()).trim()}` }
    assert.equal((await fetch(`${service.url}/rtm/me/token`, { headers: other })).status, 401)
    await onStage(browser, nobodysCloud, async ({ page }) => {
        await page.goto(`${url}/`)
        const status = await page.evaluate(async issuer => {
            const answer = await fetch(`${issuer}/jwt`, { method: 'POST', body: new URLSearchParams({ name: 'alice' }) }).catch(() => undefined)
            return answer?.status
        }, issuerUrl)
        assert.ok(status === undefined || status === 403, `a page got ${status}`)
    }, { sdkMayFail: true })
}

function getsNothingElse() {
    return onStage(browser, nobodysCloud, async ({ page }) => {
        await openAs(page, 'rtm.html', 'guest-eve')
        const refused = [
            ['rtm.html', { user: 'alice' }, "must be the caller's own id"],
            ['chat.html', { user: 'alice' }, "must be the caller's own id"],
            ['zim.html', { user: 'me' }, 'limited'],
            ['rtc.html', { user: 'alice' }, "must be the caller's own user id"],
            ['rtc.html', { user: UIDS.alice }, "must be the caller's own"],
            ['rtc.html', { room: 'alice-2' }, 'may not enter'],
            ['rtc.html', { room: 'demo', role: 'publisher' }, 'lacks the scope'],
            ['express.html', { scope: 'publish', room: 'demo' }, 'lacks the scope'],
            ['express.html', { scope: 'room', room: 'alice-2' }, 'may not enter'],
            ['express.html', { scope: 'basic' }, 'limited'],
        ]
        for (const [path, fields, rule] of refused) {
            await page.goto(`${url}/${path}?${new URLSearchParams(fields)}`)
            await page.getByText('Signed in as guest-eve').waitFor()
            await logIn(page).click()
            await page.locator('#status[data-state=failed]').waitFor({ timeout: PATIENCE })
            const said = await page.locator('#problem').innerText()
            assert.ok(said.includes(rule), `${path} ${JSON.stringify(fields)}: ${said}`)
        }
        // With a JWT that the page has changed, nobody gets anything.
        const status = await page.evaluate(async () => {
            const kept = Object.values(sessionStorage).map(text => JSON.parse(text)).find(each => each.access_token)
            const [header, payload, signature] = kept.access_token.split('.')
            const claims = { ...JSON.parse(atob(payload)), sub: 'alice' }
            const forged = [header, btoa(JSON.stringify(claims)).replace(/=+$/, ''), signature].join('.')
            return (await fetch('/api/rtm/me/token', { headers: { authorization: `Bearer ${forged}` } })).status
        })
        assert.equal(status, 401)
    }, { sdkMayFail: true })
}

function staysInTheRoom() {
    return onStage(browser, agoraRtc, async ({ page, edge, patience }) => {
        await openAs(page, `rtc.html?lifetime=${LIFE}`, 'alice')
        await logIn(page).click()
        await page.locator('#status[data-state=in]').waitFor({ timeout: PATIENCE })
        // The first renewal needs a new access token. The provider's session still lasts, so nobody is asked.
        await edge.sighting('renewal', patience)
        await page.locator('#renewals:text-is("1")').waitFor({ timeout: PATIENCE })
        assert.equal(await page.locator('#again').isVisible(), false)
        // The session at the provider ends.
        await edge.context.clearCookies()
        await page.getByText('Your sign-in has ended.').first().waitFor({ timeout: PATIENCE })
        assert.match(await page.locator('#status').innerText(), /Logged in/, 'it is still in the room')
        await photograph(page, 'demo-sign-in-ended')
        const [popup] = await Promise.all([page.waitForEvent('popup'), page.getByRole('button', { name: 'Sign in again' }).click()])
        await signInAs(popup, 'alice')
        await page.locator('#renewals:text-is("2")').waitFor({ timeout: PATIENCE })
        assert.equal(await page.locator('#problem').isVisible(), false)
        assert.match(await page.locator('#status').innerText(), /Logged in/)
        assert.equal(edge.sightings.filter(({ step }) => step === 'join').length, 1, 'it joined once')
    })
}

function photographs() {
    return onStage(browser, nobodysCloud, async ({ page }) => {
        await page.goto(`${url}/`)
        await page.getByText('Sign in on the page that you open.').waitFor({ timeout: PATIENCE })
        await page.getByRole('heading', { name: 'Demo credentials' }).waitFor()
        await photograph(page, 'demo-index-sign-in')
        await page.goto(`${url}/rtc.html`)
        await page.getByText('You are not signed in.').waitFor()
        assert.equal(await page.locator('#jwt').isVisible(), false, 'nobody has to paste a JWT')
        await photograph(page, 'demo-signed-out')
        await page.getByRole('button', { name: 'Sign in' }).click()
        await page.getByRole('heading', { name: 'Sign in to the demo' }).waitFor()
        await photograph(page, 'demo-issuer')
        await page.getByLabel('Your name').fill('a b')
        await page.getByRole('button', { name: 'Sign in' }).click()
        await page.getByRole('alert').waitFor()
        await signInAs(page, 'alice')
        await page.getByText('Signed in as alice').waitFor()
        await page.getByRole('heading', { name: 'Demo credentials' }).waitFor()
        await photograph(page, 'demo-signed-in')
        await page.getByRole('button', { name: 'Sign out' }).click()
        await page.getByRole('heading', { name: 'Sign out of the demo' }).waitFor()
        await page.getByRole('button', { name: 'Sign out' }).click()
        await page.getByRole('heading', { name: 'A demo for each SDK' }).waitFor()
        // The next sign-in asks for the name again.
        await page.goto(`${url}/rtc.html`)
        await page.getByRole('button', { name: 'Sign in' }).click()
        await page.getByRole('heading', { name: 'Sign in to the demo' }).waitFor()
    })
}

function olderRtm() {
    return onStage(browser, agoraRtm(1), async ({ page, edge, patience }) => {
        const since = Math.floor(Date.now() / 1000)
        await openAs(page, `rtm-1.html?lifetime=${LIFE}`, 'alice')
        await logIn(page).click()
        const wanted = { 'app id': credentials.agora.app_id, user: 'alice', privileges: ['login'] }
        await check(await edge.sighting('login', patience), { wanted, lifetime: LIFE, since })
    })
}
