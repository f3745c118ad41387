// The demo's pages: what they say, to whom, and that everybody can use them. The vendors' clouds stay silent or say no.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { agoraRtc } from './edge/agora-rtc.mjs'
import { agoraRtm } from './edge/agora-rtm.mjs'
import * as verifiers from './verifiers.mjs'
import { nobodysCloud, onStage, PATIENCE, photograph, SCHEMES, screenshots, SIZES } from './stage.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))
const PAGES = ['chat', 'express', 'rtc', 'rtm', 'rtm-1', 'zim']
/** The service, as the demo's pages see it. The vendors' clouds have paths with /api, too. */
const API = /^http:\/\/(localhost|127\.0\.0\.1):\d+\/api\//

/** A vendor's cloud that is there and answers nothing of use, as to an app id that it doesn't know. */
const closedCloud = () => ({ hosts: /./, answer: () => ({}), connect: socket => () => socket.close() })

/** Each by its name, for `it`. */
export const demoProofs = [
    ['the start page says what the service has', startPage],
    ['a page before the log-in passes axe', freshPages],
    ['a refused field is marked, with the rule beside it and in the log', refusedFields],
    ['a value that cannot be sent is marked, and nothing is sent', unsendableFields],
    ['a 401 opens the field for the JWT', unknownCaller],
    ['a new JWT after a 401 renews the token', newJwt],
    ['a token is copied and the shown command explains it', copied],
    ['a token can be copied where the browser copies nothing', copiedByHand],
    ['the countdown stays in sight on a phone under a warning', countdown],
    ['demo credentials are announced before the log-in', announced],
    ['the network is not blamed for demo credentials', notTheNetwork],
    ['with own credentials a failed log-in names both causes', ownCredentials],
    ['the keyboard reaches everything, and shows where it is', keyboard],
    ['nothing moves for people who want no motion', noMotion],
    ['the photograph for the README shows what the page shows', pictured],
]

const login = page => page.getByRole('button', { name: 'Log in' })
const failed = page => page.locator('#status[data-state=failed]').waitFor({ timeout: PATIENCE })

/** An answer as it is recorded with the events, which the functions are held to. */
function recorded(name) {
    const { status, headers, body } = JSON.parse(readFileSync(`${root}/events/${name}.answer.json`, 'utf8'))
    return { status, headers, body: JSON.stringify(body) }
}

function startPage({ browser, demo }) {
    return onStage(browser, nobodysCloud, async ({ page }) => {
        await page.goto(`${demo.url}/`)
        await page.locator('#service-state[data-state=good]').waitFor({ timeout: PATIENCE })
        await page.getByRole('heading', { name: 'Demo credentials' }).waitFor()
        await photograph(page, 'demo-index')

        await page.route(API, route => route.fulfill(recorded('rtm-token/no-identity')))
        await page.reload()
        await page.getByText('asks who you are').waitFor()
        assert.equal(await page.locator('#notice').isVisible(), false)

        await page.unroute(API)
        await page.route(API, route => route.fulfill({ status: 502 }))
        await page.reload()
        await page.getByText('is not running yet').waitFor()
        await photograph(page, 'demo-index-waiting')

        await page.unroute(API)
        await page.route(API, route => route.abort())
        await page.reload()
        await page.getByText('Nothing answers').waitFor()
        await photograph(page, 'demo-index-nothing')
    })
}

function freshPages({ browser, demo }) {
    return onStage(browser, nobodysCloud, async ({ page }) => {
        for (const name of PAGES) {
            await page.goto(`${demo.url}/${name}.html`)
            await page.locator('#notice').waitFor()
            for (const details of await page.locator('summary').all()) await details.click()
            await photograph(page, `demo-${name}-fresh`)
            const headings = await page.getByRole('heading').allTextContents()
            assert.deepEqual(headings.slice(2), ['Log in', 'Your token', 'What happened'])
        }
    })
}

/** What the browser, a screen reader and the eye know of a field. */
async function assertMarked(page, field, rule) {
    const input = page.locator(`#${field}`)
    assert.equal(await input.getAttribute('aria-invalid'), 'true', field)
    assert.equal(await input.isVisible(), true, field)
    assert.equal(await page.evaluate(() => document.activeElement.id), field)
    const error = page.locator(`#${field}-error`)
    assert.match(await error.innerText(), rule)
    assert.ok((await input.getAttribute('aria-describedby')).split(' ').includes(`${field}-error`), field)
    // Beside it: nothing stands between.
    const [above, below] = [await input.boundingBox(), await error.boundingBox()]
    assert.ok(below.y - (above.y + above.height) < 12, `${field}: ${JSON.stringify([above, below])}`)
    assert.equal(await page.locator('[aria-invalid]').count(), 1)
}

function refusedFields({ browser, demo }) {
    const refused = [
        ['rtm', { user: '*' }, 'user', /must not contain|must not be/, 'You may not have this token.'],
        ['rtc', { room: '*' }, 'room', /channel name must not contain '\*'/, 'You may not have this token.'],
        ['rtc', { user: '0' }, 'user', /must not be 0/, 'You may not have this token.'],
        ['rtm', { lifetime: '86401' }, 'lifetime', /86400/, 'The service refused a value.'],
        ['zim', { user: 'u'.repeat(33) }, 'user', /at most 32 bytes/, 'The service refused a value.'],
        ['chat', { user: 'Alice' }, 'user', /may only contain a-z/, 'The service refused a value.'],
        ['express', { scope: 'room', room: 'r'.repeat(129) }, 'room', /at most 128 bytes/, 'The service refused a value.'],
    ]
    return onStage(browser, nobodysCloud, async ({ page }) => {
        for (const [name, values, field, rule, what] of refused) {
            await page.goto(`${demo.url}/${name}.html?${new URLSearchParams(values)}`)
            await login(page).click()
            await failed(page)
            await assertMarked(page, field, rule)
            assert.match(await page.locator('#problem').innerText(), rule)
            assert.ok((await page.locator('#problem').innerText()).includes(what), name)
            assert.match(await page.locator('#log').innerText(), rule)
        }
        await photograph(page, 'demo-refused')

        // Who corrects it is no longer accused.
        await page.locator('#room').fill('demo')
        assert.equal(await page.locator('[aria-invalid]').count(), 0)
        assert.equal(await page.locator('#room-error').isVisible(), false)
    })
}

function unsendableFields({ browser, demo }) {
    const unsendable = [
        ['rtm', { user: ' ' }, 'user', /must not be empty/],
        ['rtm', { user: '..' }, 'user', /must not be “\.”/],
        ['rtc', { room: '.' }, 'room', /must not be “\.”/],
        ['rtm', { service: '' }, 'service', /must not be empty/],
        ['rtm', { service: 'ftp://a' }, 'service', /must begin with https/],
        ['rtm', { service: 'http://192.0.2.1' }, 'service', /only over HTTPS/, 'a.b.c'],
    ]
    return onStage(browser, closedCloud, async ({ page }) => {
        const asked = []
        // But for the page's own look at the service.
        page.on('request', request => /\/token\b(?<!\/demo\/token)/.test(request.url()) && asked.push(request.url()))
        for (const [name, values, field, rule, jwt = ''] of unsendable) {
            await page.goto(`${demo.url}/${name}.html?${new URLSearchParams(values)}`)
            if (jwt !== '') {
                await page.locator('summary', { hasText: 'JWT' }).click()
                await page.locator('#jwt').fill(jwt)
            }
            asked.length = 0
            await login(page).click()
            await failed(page)
            await assertMarked(page, field, rule)
            assert.match(await page.locator('#log').innerText(), rule)
            assert.deepEqual(asked, [])
        }
    })
}

function unknownCaller({ browser, demo }) {
    const unknown = { rtm: 'rtm-token/no-identity', 'rtm-1': 'rtm-token/tutorial-no-identity' }
    return onStage(browser, nobodysCloud, async ({ page }) => {
        for (const [name, answer] of Object.entries(unknown)) {
            await page.route(API, route => route.fulfill(recorded(answer)))
            await page.goto(`${demo.url}/${name}.html`)
            assert.equal(await page.locator('#jwt').isVisible(), false)
            await login(page).click()
            await failed(page)
            await assertMarked(page, 'jwt', /does not know who you are/)
            await photograph(page, `demo-${name}-401`)
            await page.unroute(API)
        }
        // What is no JWT isn't sent, and is the same field's.
        await page.locator('#jwt').fill('not a JWT')
        await login(page).click()
        await failed(page)
        await assertMarked(page, 'jwt', /This is not a JWT/)
    })
}

function newJwt({ browser, demo }) {
    return onStage(browser, agoraRtm(2), async ({ page }) => {
        await page.goto(`${demo.url}/rtm.html?lifetime=20`)
        await page.locator('summary', { hasText: 'JWT' }).click()
        await page.locator('#jwt').fill('first.of.them')
        await login(page).click()
        await page.locator('#status[data-state=in]').waitFor({ timeout: PATIENCE })
        const sent = []
        await page.route(API, async route => {
            const { authorization } = route.request().headers()
            // The page itself asks without one.
            if (authorization !== undefined) sent.push(authorization)
            if (authorization === 'Bearer first.of.them') await route.fulfill(recorded('rtm-token/no-identity'))
            else await route.continue()
        })
        await page.locator('#jwt[aria-invalid]').waitFor({ timeout: PATIENCE })
        await assertMarked(page, 'jwt', /does not know who you are/)
        await page.keyboard.press('Control+A')
        await page.keyboard.type('nothing')
        await page.keyboard.press('Tab')
        await assertMarked(page, 'jwt', /This is not a JWT/)
        await page.keyboard.press('Control+A')
        await page.keyboard.type('second.of.them')
        await page.keyboard.press('Tab')
        await page.locator('#renewals:text-is("1")').waitFor({ timeout: PATIENCE })
        assert.equal(await page.locator('#problem').isVisible(), false)
        assert.equal(await page.locator('#jwt').isDisabled(), true)
        assert.equal(sent.at(-1), 'Bearer second.of.them')
    })
}

function copied({ browser, demo }) {
    return onStage(browser, agoraRtm(2), async ({ page }) => {
        await page.context().grantPermissions(['clipboard-read', 'clipboard-write'], { origin: demo.url })
        await page.goto(`${demo.url}/rtm.html?lifetime=3600`)
        await login(page).click()
        await page.locator('#status[data-state=in]').waitFor({ timeout: PATIENCE })
        await page.getByRole('button', { name: 'Copy token' }).click()
        await page.locator('#copied', { hasText: 'Copied.' }).waitFor()
        const token = await page.evaluate(() => navigator.clipboard.readText())
        assert.equal((await verifiers.agora(token)).valid, true)
        assert.equal((await page.content()).includes(token), false, 'the page shows the token')
        assert.equal(await page.getByRole('textbox', { name: 'Copy the token' }).count(), 0)
        const { code, said } = await run(await page.locator('#inspect-command').innerText(), `${token}\n`)
        assert.equal(code, 0, said)
        assert.match(said, /alice/)
        await photograph(page, 'demo-copied')
    })
}

/** What this command says to this input, at the repository's root. */
function run(command, input) {
    return new Promise((resolve, reject) => {
        const child = spawn(command, { shell: true, cwd: root, stdio: ['pipe', 'pipe', 'pipe'] })
        let said = ''
        for (const stream of [child.stdout, child.stderr]) stream.on('data', text => (said += text))
        child.on('error', reject).on('close', code => resolve({ code, said }))
        child.stdin.end(input)
    })
}

function copiedByHand({ browser, demo }) {
    return onStage(browser, agoraRtm(2), async ({ page }) => {
        // As in a page over plain HTTP.
        await page.addInitScript(() => Object.defineProperty(navigator, 'clipboard', { value: undefined }))
        await page.goto(`${demo.url}/rtm.html`)
        await login(page).click()
        await page.locator('#status[data-state=in]').waitFor({ timeout: PATIENCE })
        await page.getByRole('button', { name: 'Copy token' }).click()
        await page.getByText('Copy the token from here').waitFor()
        const { value, focused, selected } = await page.getByRole('textbox', { name: 'Copy the token' }).evaluate(field => ({
            value: field.value, focused: document.activeElement === field, selected: field.selectionEnd - field.selectionStart,
        }))
        assert.deepEqual({ focused, selected }, { focused: true, selected: value.length })
        assert.equal((await verifiers.agora(value)).valid, true)
        await photograph(page, 'demo-copied-by-hand')
        await page.getByRole('button', { name: 'Log out' }).click()
        assert.equal(await page.locator('#token-text').inputValue(), '')
    })
}

/** The service goes away while somebody is logged in. */
function countdown({ browser, demo }) {
    return onStage(browser, agoraRtm(2), async ({ page }) => {
        await page.goto(`${demo.url}/rtm.html?lifetime=60`)
        await page.setViewportSize(SIZES.small)
        await login(page).click()
        await page.locator('#status[data-state=in]').waitFor({ timeout: PATIENCE })
        await page.route(API, route => route.fulfill({ status: 503, contentType: 'application/json', body: '{"title":"No tokens at the moment."}' }))
        await page.locator('#problem[data-kind=retry]').waitFor({ timeout: PATIENCE })
        for (const size of ['small', 'phone']) {
            await page.setViewportSize(SIZES[size])
            for (const place of [0, 0.3, 0.6, 1]) {
                await page.evaluate(place => scrollTo(0, place * document.documentElement.scrollHeight), place)
                const seen = await page.evaluate(() => ['expires-in', 'renews-in', 'status', 'life'].filter(id => {
                    const { left, top, width, height } = document.getElementById(id).getBoundingClientRect()
                    const there = document.elementFromPoint(left + width / 2, top + height / 2)
                    return document.getElementById('token').contains(there)
                }))
                assert.deepEqual(seen, ['expires-in', 'renews-in', 'status', 'life'], `${size} at ${place}`)
            }
            // And the warning is in sight with it.
            await page.locator('#problem').evaluate(problem => problem.scrollIntoView({ block: 'nearest' }))
            const [problem, token] = await Promise.all(['#problem', '#token'].map(id => page.locator(id).boundingBox()))
            assert.ok(problem.y >= 0 && problem.y + problem.height <= token.y, `${size}: ${JSON.stringify([problem, token])}`)
            await page.screenshot({ path: `${screenshots}/demo-countdown-${size}.png` })
        }
        await photograph(page, 'demo-warned')
    })
}

function announced({ browser, demo }) {
    return onStage(browser, nobodysCloud, async ({ page }) => {
        for (const name of PAGES) {
            await page.goto(`${demo.url}/${name}.html`)
            const vendor = ['express', 'zim'].includes(name) ? 'ZEGO' : name === 'chat' ? 'Agora Chat' : 'Agora'
            await page.getByRole('heading', { name: `Demo credentials: ${vendor} will not let you in` }).waitFor()
            assert.match(await page.locator('#notice').innerText(), /belongs to no project/)
        }
        // Another project's app id says nothing of the kind.
        await page.route(API, async route => route.fulfill({ json: { token: '007eJx', app_id: '1'.repeat(32) } }))
        const answered = page.waitForResponse(API)
        await page.goto(`${demo.url}/rtm.html`)
        await (await answered).finished()
        await page.waitForTimeout(500)
        assert.equal(await page.locator('#notice').isVisible(), false)
        // The built-in ones are those of the file.
        for (const [name, { app_id }] of [['rtm', verifiers.credentials.agora], ['zim', verifiers.credentials.zego]]) {
            await page.unroute(API)
            await page.route(API, async route => route.fulfill({ json: { token: '007eJx', app_id } }))
            await page.goto(`${demo.url}/${name}.html`)
            await page.locator('#notice').waitFor()
        }
        // A service that starts late is asked again.
        await page.unroute(API)
        let starting = true
        await page.route(API, route => starting ? route.fulfill({ status: 502 }) : route.continue())
        await page.goto(`${demo.url}/rtm.html`)
        await page.waitForTimeout(500)
        assert.equal(await page.locator('#notice').isVisible(), false)
        starting = false
        await page.locator('#notice').waitFor()
    })
}

function notTheNetwork({ browser, demo }) {
    return onStage(browser, closedCloud, async ({ page }) => {
        for (const name of ['zim', 'rtc', 'express', 'rtm']) {
            await page.goto(`${demo.url}/${name}.html`)
            await login(page).click()
            await page.locator('#problem').waitFor({ timeout: PATIENCE })
            const [problem, log] = await Promise.all(['#problem', '#log'].map(id => page.locator(id).innerText()))
            assert.match(problem, /belongs to no project/, name)
            // But for what the SDK itself says, which is quoted.
            const own = `${problem}\n${log}`.split('\n').filter(line => !/’s SDK says: /.test(line)).join('\n')
            assert.doesNotMatch(own, /network|connection|offline|online|reach/i, name)
            assert.equal(await page.locator('#notice').isVisible(), true)
            if (name !== 'rtm') continue
            await photograph(page, 'demo-not-let-in')
        }
    }, { sdkMayFail: true })
}

function ownCredentials({ browser, demo }) {
    return onStage(browser, closedCloud, async ({ page }) => {
        await page.route(API, async route => {
            const answer = await route.fetch()
            await route.fulfill({ response: answer, json: { ...await answer.json(), app_id: '1'.repeat(32) } })
        })
        await page.goto(`${demo.url}/rtm.html`)
        await login(page).click()
        await page.locator('#problem').waitFor({ timeout: PATIENCE })
        assert.match(await page.locator('#problem').innerText(), /The token is good[^]*network allows connections to Agora/)
        assert.equal(await page.locator('#notice').isVisible(), false)
    })
}

function keyboard({ browser, demo }) {
    return onStage(browser, agoraRtm(2), async ({ page }) => {
        await page.goto(`${demo.url}/rtm.html`)
        await page.locator('#notice').waitFor()
        const walk = async () => {
            const reached = []
            // From the beginning, wherever the keyboard was.
            await page.evaluate(() => {
                document.body.tabIndex = -1
                document.body.focus()
                document.body.removeAttribute('tabindex')
            })
            for (;;) {
                await page.keyboard.press('Tab')
                const { name, seen } = await page.evaluate(() => {
                    const { activeElement: element } = document
                    const { outlineStyle, outlineWidth } = getComputedStyle(element)
                    const name = element === document.body ? '' : element.id || element.textContent.trim()
                    return { name, seen: outlineStyle !== 'none' && Number.parseFloat(outlineWidth) >= 2 }
                })
                if (name === '') return reached
                assert.ok(seen, `nothing shows that the keyboard is at ${name}`)
                reached.push(name)
            }
        }
        for (const colorScheme of SCHEMES) {
            await page.emulateMedia({ colorScheme })
            assert.deepEqual(await walk(), ['Tokenmint', 'All demos', 'Use your own project', 'user', 'Life of the token, service, JWT', 'login', 'log'])
        }
        await page.locator('summary', { hasText: 'JWT' }).focus()
        await page.keyboard.press('Enter')
        assert.deepEqual((await walk()).slice(4, 9), ['Life of the token, service, JWT', 'lifetime', 'service', 'jwt', 'login'])
        await page.locator('#user').focus()
        await page.keyboard.press('Enter')
        await page.locator('#status[data-state=in]').waitFor({ timeout: PATIENCE })
        const reached = await walk()
        for (const name of ['logout', 'copy', 'log']) assert.ok(reached.includes(name), `${name} is not among ${reached}`)
    })
}

function noMotion({ browser, demo }) {
    return onStage(browser, nobodysCloud, async ({ page }) => {
        const moving = () => page.locator('.card').first().evaluate(card => getComputedStyle(card).transitionDuration !== '0s')
        await page.goto(`${demo.url}/`)
        assert.equal(await moving(), true)
        await page.emulateMedia({ reducedMotion: 'reduce' })
        assert.equal(await moving(), false)
        await page.locator('.card').first().hover()
        assert.equal(await page.locator('.card').first().evaluate(card => getComputedStyle(card).transform), 'none')
    })
}

/**
 * docs/images/demo.png and demo-dark.png, with their words in demo.txt. `make photographs` renews the three. Otherwise the
 * page must still have these words: headings, labels and buttons, but nothing that differs from run to run.
 */
function pictured({ browser, demo }) {
    return onStage(browser, agoraRtc, async ({ page }) => {
        const images = `${root}/docs/images`
        await page.setViewportSize({ width: 1160, height: 800 })
        await page.goto(`${demo.url}/rtc.html?lifetime=60`)
        await login(page).click()
        await page.locator('#renewals:text-is("1")').waitFor({ timeout: PATIENCE })
        await page.getByText('has taken the new token').waitFor({ timeout: PATIENCE })
        await page.evaluate(() => document.activeElement.blur())
        const words = await page.locator('h1, .lead, h2, label, .hint, summary, button, dt, .chip, .inspect').evaluateAll(elements =>
            elements.filter(element => element.checkVisibility()).map(element => element.innerText.trim()))
        const text = `${words.join('\n')}\n`
        if (process.env.PHOTOGRAPHS) {
            mkdirSync(images, { recursive: true })
            for (const [name, colorScheme] of [['demo', 'light'], ['demo-dark', 'dark']]) {
                await page.emulateMedia({ colorScheme })
                await page.screenshot({ path: `${images}/${name}.png`, fullPage: true, animations: 'disabled' })
            }
            writeFileSync(`${images}/demo.txt`, text)
        }
        assert.equal(text, readFileSync(`${images}/demo.txt`, 'utf8'), 'the page has changed: run `make photographs`')
        for (const name of ['demo.png', 'demo-dark.png']) assert.ok(readFileSync(`${images}/${name}`).length <= 250_000, `${name} is too large`)
    })
}
