// Where a page is shown: behind an edge, in every size and colour scheme.

import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'
import { axe } from './axe.mjs'
import { Edge } from './edge/edge.mjs'

export const PATIENCE = 90_000
/** The small one is only measured. */
export const SIZES = { small: { width: 360, height: 640 }, phone: { width: 390, height: 844 }, desktop: { width: 1280, height: 800 } }
export const SCHEMES = ['light', 'dark']

export const screenshots = fileURLToPath(new URL('../../target/screenshots', import.meta.url))
mkdirSync(screenshots, { recursive: true })

/**
 * A Chromium that reaches this machine alone: all else ends at this proxy, which refuses it. Media cannot leave at all. `more`:
 * further arguments for Chromium.
 */
export function launch(proxy, ...more) {
    return chromium.launch({
        executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
        args: [
            '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync',
            '--disable-background-networking', '--disable-component-update',
            `--proxy-server=${proxy}`, '--webrtc-ip-handling-policy=disable_non_proxied_udp', ...more,
        ],
    })
}

/** Of a page without an SDK nothing may come. */
export const nobodysCloud = () => ({ hosts: /^$/, answer: () => undefined, connect: () => undefined })

/** A page of its own, behind an edge of its own, and nothing wrong on either side in the end. */
export async function onStage(browser, cloud, act, { sdkMayFail = false } = {}) {
    const context = await browser.newContext({ viewport: SIZES.desktop })
    const edge = await Edge.of(context, cloud)
    const problems = []
    try {
        const page = await context.newPage()
        page.on('pageerror', error => problems.push(String(error)))
        await act({ page, edge, patience: AbortSignal.timeout(PATIENCE) }).catch(async error => {
            const text = await page.locator('body').innerText()
            const seen = { strangers: edge.strangers, errors: edge.errors.map(String), problems }
            throw new Error(`${error.message}\n${JSON.stringify(seen)}\n${text}`, { cause: error })
        })
        assert.deepEqual(edge.strangers, [])
        assert.deepEqual(edge.errors, [])
        // Some SDKs let a failure of theirs end in the page.
        if (!sdkMayFail) assert.deepEqual(problems, [])
    } finally {
        edge.end()
        await context.close()
    }
}

/** In every size and both colour schemes. Nothing may stick out at the side, and axe may find nothing. */
export async function photograph(page, name) {
    for (const [size, viewport] of Object.entries(SIZES)) {
        await page.setViewportSize(viewport)
        for (const colorScheme of size === 'small' ? [] : SCHEMES) {
            await page.emulateMedia({ colorScheme })
            await page.screenshot({ path: `${screenshots}/${name}-${size}-${colorScheme}.png`, fullPage: true, animations: 'disabled' })
            await axe(page, `${name}, ${size}, ${colorScheme}`)
        }
        const { scrollWidth, clientWidth } = await page.evaluate(() => {
            const { scrollWidth, clientWidth } = document.documentElement
            return { scrollWidth, clientWidth }
        })
        assert.ok(scrollWidth <= clientWidth, `${name} is ${scrollWidth} wide on ${clientWidth}`)
    }
}
