// axe looks for what keeps people from using a page: contrast, names, roles, order, landmarks.

import assert from 'node:assert/strict'
import core from 'axe-core'

/** Fails if axe finds anything on this page, as it stands now. `name` is for the message. */
export async function axe(page, name) {
    if (!await page.evaluate(() => 'axe' in globalThis)) await page.evaluate(core.source)
    const { violations, passes } = await page.evaluate(async () => {
        const { violations, passes } = await globalThis.axe.run(document)
        const brief = ({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html, any }) => `${html} ${any[0]?.message ?? ''}`).join('\n')}`
        return { violations: violations.map(brief), passes: passes.map(({ id }) => id) }
    })
    assert.deepEqual(violations, [], `axe on ${name}`)
    // It has looked.
    for (const rule of ['color-contrast', 'document-title', 'landmark-one-main']) assert.ok(passes.includes(rule), `${name}: axe passed over ${rule}`)
}
