// Installs the package of the web client into new apps, as `npm pack` makes it: with Vite, with Next.js, and with Metro, which React Native uses. Each app
// gets a token from the real service, and the next one.

import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import vm from 'node:vm'
import { chromium } from 'playwright-core'
import { freePort, serve, serveGateway } from '../browser/service.mjs'

const here = fileURLToPath(new URL('.', import.meta.url))
const web = fileURLToPath(new URL('../../clients/web', import.meta.url))
const apps = `${here}.apps`
const settings = { LOCAL_CREDENTIALS: `${here}../demo-credentials.json`, IDENTITY: 'none' }

let service
let packed
let browser

before(async () => {
    rmSync(apps, { recursive: true, force: true })
    mkdirSync(apps)
    packed = JSON.parse(execFileSync('npm', ['pack', '--json', '--silent', '--pack-destination', apps], { cwd: web }))[0]
    service = process.env.TOKENMINT_URL ? { url: process.env.TOKENMINT_URL, end: () => {} } : await serve(settings)
    browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] })
})
after(async () => {
    await browser?.close()
    await service?.end()
    rmSync(apps, { recursive: true, force: true })
})

/** A new app with the package. What it is built with is beside it. Its page asks the service as a deployed one: at another origin. */
async function app(name) {
    const port = await freePort()
    const url = `http://127.0.0.1:${port}`
    const gateway = await serveGateway(service.url, url)
    after(() => gateway.end())
    const folder = `${apps}/${name}`
    cpSync(`${here}${name}`, folder, { recursive: true })
    const manifest = { private: true, dependencies: { 'tokenmint-web': `file:${apps}/${packed.filename}` } }
    writeFileSync(`${folder}/package.json`, JSON.stringify(manifest))
    execFileSync('npm', ['install', '--offline', '--no-audit', '--no-fund', '--silent'], { cwd: folder, stdio: 'inherit' })
    const addresses = { TOKENMINT_URL: service.url, NEXT_PUBLIC_TOKENMINT_URL: gateway.url, VITE_TOKENMINT_URL: gateway.url }
    const environment = { ...process.env, ...addresses, NEXT_TELEMETRY_DISABLED: '1', CI: 'true' }
    const run = (program, ...words) => [`${here}node_modules/.bin/${program}`, words, { cwd: folder, env: environment }]
    return {
        folder,
        /** Runs a program to its end. */
        run: (...words) => execFileSync(...run(...words).map((it, at) => (at === 2 ? { ...it, stdio: ['ignore', 'inherit', 'inherit'] } : it))),
        /** Starts a server, and waits until it answers. Returns its address, and what ends it. */
        start: async (program, ...words) => {
            const server = spawn(...run(program, ...words, '--port', String(port)))
            for (let left = 300; !(await fetch(url).catch(() => undefined)); left -= 1) {
                assert.ok(left > 0 && server.exitCode === null, `${program} does not answer`)
                await sleep(100)
            }
            return { url, end: () => new Promise(resolve => { server.once('exit', resolve); server.kill() }) }
        },
    }
}

/** The lines of the page's list, once it has this many. */
async function lines(page, count) {
    await page.locator(`li:nth-child(${count})`).waitFor()
    return page.locator('li').allTextContents()
}

test('the package has what an app needs, and no more', () => {
    const names = packed.files.map(({ path }) => path)
    const odd = names.filter(name => !/^(dist\/[\w/-]+\.(js|d\.ts)|package\.json|README\.md|LICENSE)$/.test(name))
    assert.deepEqual(odd, [])
    for (const name of ['dist/index.js', 'dist/index.d.ts', 'dist/adapters/agora-rtc.js', 'README.md', 'LICENSE']) assert.ok(names.includes(name), name)
    const manifest = JSON.parse(readFileSync(`${web}/package.json`, 'utf8'))
    assert.equal(manifest.private, undefined)
    assert.equal(manifest.dependencies, undefined)
    // npm takes a package with a provenance only if it names the repository that built it.
    assert.equal(manifest.publishConfig.provenance, true)
})

test('Vite', async () => {
    const vite = await app('vite')
    vite.run('tsc', '--project', '.')
    vite.run('vite', 'build')
    const server = await vite.start('vite', 'preview', '--host', '127.0.0.1')
    try {
        const page = await browser.newPage()
        await page.goto(server.url)
        assert.deepEqual(await lines(page, 2), ['demo 7 function', 'demo 7 function'])
        await page.close()
    } finally {
        await server.end()
    }
})

test('Next.js, in the page and on its server', async () => {
    const next = await app('next')
    next.run('next', 'build')
    const server = await next.start('next', 'start', '--hostname', '127.0.0.1')
    try {
        const page = await browser.newPage()
        await page.goto(server.url)
        assert.deepEqual(await lines(page, 2), ['demo 7', 'demo 7'])
        await page.close()
        const asked = async () => (await fetch(`${server.url}/api/token`)).json()
        const first = await asked()
        assert.deepEqual([first.kind, first.user_id], ['agora-rtm', 'backend'])
        // What is left of a token gets less, until there is another one.
        for (let turn = 0, { left } = first; ; turn += 1) {
            assert.ok(turn < 200, 'the server has no newer token')
            await sleep(100)
            const before = left
            left = (await asked()).left
            if (left.expiry > before.expiry) break
        }
    } finally {
        await server.end()
    }
})

test('Metro, with the globals of React Native', async () => {
    const metro = await app('metro')
    metro.run('metro', 'build', 'index.js', '--config', 'metro.config.js', '--platform', 'android', '--dev', 'false', '--out', 'bundle.js')
    const bundle = readFileSync(`${metro.folder}/bundle.js`, 'utf8')
    assert.match(bundle, /renew_at/)
    const said = []
    // React Native has neither a page nor Node's globals.
    const { setTimeout, clearTimeout, performance, console } = globalThis
    // Its AbortController is its own. Node's `fetch` takes only Node's.
    const ask = (url, { signal, ...more }) => fetch(String(url), more)
    const globals = { setTimeout, clearTimeout, performance, console, fetch: ask, say: line => said.push(line), serviceUrl: service.url }
    // Here are no native modules.
    globals.__fbBatchedBridgeConfig = { remoteModuleConfig: [] }
    const context = vm.createContext(globals)
    vm.runInContext(bundle, context, { filename: 'bundle.js' })
    for (let left = 300; said.length < 2; left -= 1) {
        assert.ok(left > 0, `${said}`)
        await sleep(100)
    }
    assert.deepEqual(said, ['demo 7', 'demo 7'])
    await context.stop()
    assert.deepEqual(said.slice(2), ['stopped'])
})
