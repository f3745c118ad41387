// Pages from elsewhere attack the local run in a real Chromium: through a name that was pointed at this machine, and across origins.

import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { chromium } from 'playwright-core'
import { serve, serveFiles } from './service.mjs'

/** The name of another machine. The browser resolves it to this machine, as after DNS rebinding. */
const STRANGER = 'stranger.example'

let folder, service, pages, browser

before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tokenmint-strangers-'))
    await writeFile(join(folder, 'index.html'), '<!doctype html><title>A page</title><iframe name="frame"></iframe>')
    service = await serve({})
    pages = await serveFiles(folder)
    browser = await chromium.launch({
        executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
        args: ['--headless=new', '--no-sandbox', '--disable-gpu', '--no-first-run', `--host-resolver-rules=MAP ${STRANGER} 127.0.0.1`],
    })
})

after(async () => {
    await browser?.close()
    await pages?.end()
    await service?.end()
    await rm(folder, { recursive: true, force: true })
})

let markers = 0

/**
 * How often the server has answered so far, by outcome. A line of the log is written before its answer, but may reach us
 * later. So this asks for a path that has no route, and waits for the line of this request.
 */
async function answered() {
    const marker = ++markers
    assert.equal((await fetch(`${service.url}/marker`)).status, 404)
    for (;;) {
        const lines = service.printed().split('\n').slice(0, -1).filter(line => line.includes('"request_id":')).map(line => JSON.parse(line))
        const of = outcome => lines.filter(line => (line.error ?? line.message) === outcome).length
        if (of('no-such-route') >= marker) return { minted: of('minted'), forbidden: of('forbidden') }
        await sleep(10)
    }
}

/** Opens a page and runs this. Returns what it returned, and what the server answered meanwhile. */
async function attack(address, script, argument) {
    const before = await answered()
    const page = await browser.newPage()
    try {
        await page.goto(address)
        const read = await page.evaluate(script, argument)
        const now = await answered()
        return { read, minted: now.minted - before.minted, forbidden: now.forbidden - before.forbidden }
    } finally {
        await page.close()
    }
}

const port = url => new URL(url).port

it('a program of this machine gets a token, so the refusals below mean something', async () => {
    const before = (await answered()).minted
    assert.match((await (await fetch(`${service.url}/rtm/alice/token`)).json()).token, /^007/)
    assert.equal((await answered()).minted, before + 1)
})

it('a name that was pointed at this machine gets nothing', async () => {
    const address = `http://${STRANGER}:${port(service.url)}/rtm/alice/token`
    const { read, minted, forbidden } = await attack(address, async () => {
        const answers = [
            await fetch('/rtm/alice/token'),
            await fetch('/fetch_rtm_token', { method: 'POST', body: '{"uid":"alice"}' }),
            await fetch('/'),
        ]
        return Promise.all([document.body.innerText, ...answers.map(answer => answer.text())])
    })
    assert.equal(read.length, 4)
    for (const text of read) assert.match(text, /answers only programs and pages of its own machine/)
    assert.equal(minted, 0)
    // The browser asks for an icon, too.
    assert.ok(forbidden >= 4, `${forbidden}`)
})

it('a page of another origin gets nothing, however it asks', async () => {
    const { read, minted, forbidden } = await attack(`http://${STRANGER}:${port(pages.url)}/`, async service => {
        const path = `${service}/rtm/alice/token`
        const failed = async (...request) => fetch(...request).then(answer => `${answer.type} ${answer.status}`, () => 'failed')
        const loaded = (element, source) => new Promise(resolve => {
            element.onload = () => resolve('loaded')
            element.onerror = () => resolve('failed')
            element.src = source
            document.body.append(element)
        })
        const got = [
            await failed(path),
            await failed(path, { mode: 'no-cors' }),
            await failed(`${service}/fetch_rtm_token`, { method: 'POST', mode: 'no-cors', body: '{"uid":"alice"}' }),
            await loaded(document.createElement('img'), path),
            await loaded(document.createElement('script'), path),
        ]
        const form = document.createElement('form')
        Object.assign(form, { action: `${service}/rtc/demo/token`, method: 'post', enctype: 'text/plain', target: 'frame' })
        form.innerHTML = `<input name='{"account":"alice","x":"' value='"}'>`
        document.body.append(form)
        const frame = document.querySelector('iframe')
        await new Promise(resolve => {
            frame.onload = resolve
            form.submit()
        })
        return got
    }, service.url)
    assert.deepEqual(read, ['failed', 'opaque 0', 'opaque 0', 'failed', 'failed'])
    assert.deepEqual({ minted, forbidden }, { minted: 0, forbidden: 6 })
})

it('a page that navigates to a token shows none', async () => {
    const before = (await answered()).minted
    const page = await browser.newPage()
    try {
        await page.goto(`http://${STRANGER}:${port(pages.url)}/`)
        await Promise.all([page.waitForURL(/token/), page.evaluate(service => { location.href = `${service}/rtm/alice/token` }, service.url)])
        assert.match(await page.evaluate(() => document.body.innerText), /answers only programs and pages of its own machine/)
        assert.equal((await answered()).minted, before)
    } finally {
        await page.close()
    }
})

it('a page of this machine may ask, but reads the answer only if its origin is allowed', async () => {
    const read = service => fetch(`${service}/rtm/alice/token`).then(answer => answer.text(), () => 'failed')
    const origin = `http://localhost:${port(pages.url)}`
    assert.deepEqual(await attack(`${origin}/`, read, service.url), { read: 'failed', minted: 1, forbidden: 0 })

    const allowing = await serve({ ALLOWED_ORIGINS: origin })
    try {
        const page = await browser.newPage()
        await page.goto(`${origin}/`)
        assert.match(await page.evaluate(read, allowing.url), /"token":"007/)
    } finally {
        await allowing.end()
    }
})
