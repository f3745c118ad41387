// Every page of the built book, in a real Chromium, in both colour schemes: axe finds nothing, and no page asks another machine.

import assert from 'node:assert/strict'
import { readFileSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'
import { serveFiles } from './service.mjs'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const book = fileURLToPath(new URL('../../target/book', import.meta.url))
/** `toc.html` is the list of pages for browsers without scripts. It is a frame within the others. */
const pages = readdirSync(book, { recursive: true }).filter(name => name.endsWith('.html') && name !== 'toc.html').sort()

let server, browser

before(async () => {
    server = await serveFiles(book)
    browser = await chromium.launch({
        executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
        args: ['--headless=new', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
    })
})

after(async () => {
    await browser?.close()
    await server?.end()
})

it('the book has its pages', () => {
    const listed = [...readFileSync(`${book}/../../docs/SUMMARY.md`, 'utf8').matchAll(/\]\(([^)]+)\.md\)/g)].map(([, page]) => `${page}.html`)
    assert.ok(listed.length > 3)
    assert.deepEqual(listed.filter(page => !pages.includes(page)), [])
})

describe('axe finds nothing on any page of the book', { concurrency: 3 }, () => {
    for (const page of pages) {
        for (const colorScheme of ['light', 'dark']) it(`${page}, ${colorScheme}`, () => check(page, colorScheme))
    }
})

it('axe finds a fault where there is one', async () => {
    const found = await faults('reference/routes.html', 'light', page => page.evaluate(() => {
        const picture = document.createElement('img')
        picture.src = 'favicon.svg'
        document.querySelector('main').append(picture)
    }))
    assert.match(found.join(), /image-alt/)
})

async function check(name, colorScheme) {
    assert.deepEqual(await faults(name, colorScheme), [])
}

/** In the dark, only colours are different. */
const RULES = { light: undefined, dark: { type: 'rule', values: ['color-contrast', 'link-in-text-block'] } }

async function faults(name, colorScheme, change = () => undefined) {
    // One context for each, so that no page remembers a theme.
    const context = await browser.newContext({ colorScheme, viewport: { width: 1280, height: 800 } })
    try {
        const strangers = []
        await context.route(url => !url.href.startsWith(server.url), route => {
            strangers.push(`asks ${route.request().url()}`)
            return route.abort()
        })
        const page = await context.newPage()
        await page.goto(`${server.url}/${name}`)
        await change(page)
        await page.evaluate(axe)
        const { violations } = await page.evaluate(
            runOnly => globalThis.axe.run(document, { resultTypes: ['violations'], ...(runOnly ? { runOnly } : {}) }),
            RULES[colorScheme],
        )
        const found = violations.map(({ id, help, nodes }) => `${id} (${help}): ${nodes.slice(0, 3).map(node => node.html.slice(0, 160)).join('  ')}`)
        return [...strangers, ...found]
    } finally {
        await context.close()
    }
}
