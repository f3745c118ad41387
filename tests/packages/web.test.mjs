// Packs the web client with `npm pack`, and installs the package into new apps: with Vite, with Next.js, and with Metro, which React Native uses. Each app
// gets a token from the real service, and the next one.

import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import vm from 'node:vm'
import { chromium } from 'playwright-core'
import typescript from 'typescript'
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

/** A new app with the package. The build tools are in the folder of these tests. As with a deployed service, the page and the service have two origins. */
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
    const program = name => `${here}node_modules/.bin/${name}`
    const options = { cwd: folder, env: environment }
    return {
        folder,
        /** Runs a program to its end. */
        run: (name, ...words) => execFileSync(program(name), words, { ...options, stdio: ['ignore', 'inherit', 'inherit'] }),
        /** Starts a server, and waits until it answers. Returns its address, and what ends it. */
        start: async (name, ...words) => {
            const server = spawn(program(name), [...words, '--port', String(port)], options)
            for (let left = 300; !(await fetch(url).catch(() => undefined)); left -= 1) {
                assert.ok(left > 0 && server.exitCode === null, `${name} does not answer`)
                await sleep(100)
            }
            return { url, end: () => new Promise(resolve => { server.once('exit', resolve); server.kill() }) }
        },
    }
}

/** Opens a page. Returns the lines of its list, once it has two: one for each token. */
async function twoLines(url) {
    const page = await browser.newPage()
    try {
        await page.goto(url)
        await page.locator('li:nth-child(2)').waitFor()
        return await page.locator('li').allTextContents()
    } finally {
        await page.close()
    }
}

test('the package has what an app needs, and no more', () => {
    const names = packed.files.map(({ path }) => path)
    const odd = names.filter(name => !/^(dist\/[\w/-]+\.(js|d\.ts)|package\.json|README\.md|LICENSE)$/.test(name))
    assert.deepEqual(odd, [])
    for (const name of ['dist/index.js', 'dist/index.d.ts', 'dist/adapters/agora-rtc.js', 'README.md', 'LICENSE']) assert.ok(names.includes(name), name)
    const manifest = JSON.parse(readFileSync(`${web}/package.json`, 'utf8'))
    assert.equal(manifest.private, undefined)
    assert.equal(manifest.dependencies, undefined)
    // npm accepts a provenance statement only if the package names the repository that built it.
    assert.equal(manifest.publishConfig.provenance, true)
})

test('Vite', async () => {
    const vite = await app('vite')
    vite.run('tsc', '--project', '.')
    vite.run('vite', 'build')
    const server = await vite.start('vite', 'preview', '--host', '127.0.0.1')
    try {
        assert.deepEqual(await twoLines(server.url), ['demo 7 function', 'demo 7 function'])
    } finally {
        await server.end()
    }
})

test('Next.js, in the page and on its server', async () => {
    const next = await app('next')
    next.run('next', 'build')
    const server = await next.start('next', 'start', '--hostname', '127.0.0.1')
    try {
        assert.deepEqual(await twoLines(server.url), ['demo 7', 'demo 7'])
        const asked = async () => (await fetch(`${server.url}/api/token`)).json()
        const first = await asked()
        assert.deepEqual([first.kind, first.user_id], ['agora-rtm', 'backend'])
        // The time that is left shrinks, until there is another token.
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

test('the code of the page for React Native: with the SDKs\' own types, and with a stand-in for the engine', async () => {
    const reactNative = await app('react-native')
    const page = readFileSync(`${here}../../docs/how-to/react-native.md`, 'utf8')
    const blocks = [...page.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code)
    assert.equal(blocks.length, 2)
    blocks.forEach((code, number) => writeFileSync(`${reactNative.folder}/page${number}.ts`, code))
    reactNative.run('tsc', '--project', '.')

    // Nothing of React Native runs in Node. So the test sends the events of the app and of the network, and stands in for the engine.
    const said = []
    const told = {}
    const say = (...words) => { said.push(words); return words.length }
    const web = await import(`${reactNative.folder}/node_modules/tokenmint-web/dist/index.js`)
    const keepers = []
    const TokenKeeper = class extends web.TokenKeeper { constructor(options) { super(options); keepers.push(this) } }
    const stands = {
        'react-native': { AppState: { addEventListener: (_, tell) => { told.app = tell; return { remove: () => say('app') } } } },
        '@react-native-community/netinfo': { default: { addEventListener: tell => { told.network = tell; return () => say('network') } } },
        'react-native-agora': { ChannelMediaOptions: class {} },
        'tokenmint-web': { ...web, TokenKeeper },
    }
    const { outputText } = typescript.transpileModule(blocks[0], { compilerOptions: { module: 'commonjs', target: 'es2022', esModuleInterop: true } })
    const exported = {}
    vm.runInThisContext(`(exports, require) => {${outputText}}`)(exported, name => ({ __esModule: true, ...stands[name] }))
    const engine = {
        joinChannel: (token, channel, uid) => say('join', token, channel, uid),
        renewToken: token => say('renew', token),
        registerEventHandler: events => { told.sdk = events },
        unregisterEventHandler: events => say('events', events === told.sdk),
        leaveChannel: () => say('leave'),
    }
    const [ask, clock] = [globalThis.fetch, performance.now]
    let later = 0
    try {
        globalThis.fetch = (url, options) => {
            const { origin, pathname, search } = new URL(url)
            assert.equal(origin, 'https://tokens.example.com')
            // The local run knows no users, so it needs a uid.
            return ask(`${service.url}${pathname}${search}&uid=7`, options)
        }
        performance.now = () => clock.call(performance) + later
        // Without a hint the keeper looks at its clocks every 30 seconds.
        const until = async count => { for (let left = 100; said.length < count; left -= 1) { assert.ok(left > 0, `${said}`); await sleep(100) } }
        const leave = exported.join(engine, 'demo', async () => 'head.body.sig', error => say('error', error.message))
        await until(1)
        told.network({ isConnected: true })
        told.app('active')
        later = 60_000
        told.sdk.onTokenPrivilegeWillExpire()
        await until(2)
        later = 3_600_000
        told.app('background')
        told.app('active')
        await until(3)
        leave()
        assert.deepEqual(keepers.map(keeper => keeper.stopped), [true])
        const [[joined, first, ...where], [renewed, second], [renewedAgain, third], ...rest] = said
        assert.deepEqual([joined, where, renewed, renewedAgain], ['join', ['demo', 7], 'renew', 'renew'])
        assert.equal(new Set([first, second, third].filter(token => /^007/.test(token))).size, 3)
        assert.deepEqual(rest, [['app'], ['network'], ['events', true], ['leave']])
    } finally {
        keepers.forEach(keeper => keeper.stop())
        globalThis.fetch = ask
        performance.now = clock
    }
})

/** React Native's own `fetch` needs this. There it is native; here Node sends the request, and the service gets it as it is. */
class XMLHttpRequest {
    #request
    #headers = {}
    #answered = []

    open(method, url) { this.#request = { method, url } }
    setRequestHeader(name, value) { this.#headers[name] = value }
    getAllResponseHeaders() { return this.#answered.map(([name, value]) => `${name}: ${value}\r\n`).join('') }
    abort() {}
    send(body) {
        const { method, url } = this.#request
        fetch(url, { method, headers: this.#headers, body: body ?? undefined }).then(async response => {
            this.#answered = [...response.headers]
            this.response = await response.text()
            Object.assign(this, { status: response.status, statusText: response.statusText, responseURL: response.url })
            this.onload()
        }).catch(() => this.onerror())
    }
}

test('Metro, with the globals of React Native', async () => {
    const metro = await app('metro')
    metro.run('metro', 'build', 'index.js', '--config', 'metro.config.js', '--platform', 'android', '--dev', 'false', '--out', 'bundle.js')
    const bundle = readFileSync(`${metro.folder}/bundle.js`, 'utf8')
    assert.match(bundle, /renew_at/)
    const said = []
    // React Native has neither a page nor Node's globals.
    const { setTimeout, clearTimeout, performance, console } = globalThis
    const globals = { setTimeout, clearTimeout, performance, console, XMLHttpRequest, say: line => said.push(line), serviceUrl: service.url }
    // There are no native modules here.
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
