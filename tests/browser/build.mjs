// Builds the proofs' pages and the demo with the web module's own Vite and SDKs. Vite serves the demo.

import { createRequire } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'

const at = path => fileURLToPath(new URL(path, import.meta.url))
const web = at('../../clients/web/package.json')
const vite = await import(pathToFileURL(createRequire(web).resolve('vite')).href)

/** The folder of the built pages. */
export const built = at('../../target/browser-proofs/pages')

export function buildPages() {
    return vite.build({
        configFile: false,
        logLevel: 'error',
        root: at('pages'),
        build: { outDir: built, emptyOutDir: true, target: 'esnext', minify: false, chunkSizeWarningLimit: 10_000 },
        plugins: [{
            name: 'the SDKs of the web module',
            enforce: 'pre',
            resolveId(source, importer) {
                const bare = /^[a-z]/.test(source) && importer?.startsWith(at('pages'))
                return bare ? this.resolve(source, web, { skipSelf: true }) : null
            },
        }],
    })
}

/** The demo, with its own configuration. The service is at `/api` on the demo's host. */
const demo = {
    configFile: at('../../clients/web/vite.config.ts'),
    logLevel: 'error',
    root: at('../../clients/web/demo'),
    build: { outDir: at('../../target/browser-proofs/demo') },
}

export function buildDemo() {
    return vite.build(demo)
}

/** Serves the built demo, with these variables. */
export async function serveDemo(service, port, settings = {}) {
    Object.assign(process.env, { SERVICE: service, ...settings })
    const server = await vite.preview({ ...demo, preview: { host: '127.0.0.1', port } })
    return { url: `http://127.0.0.1:${port}`, end: () => server.close() }
}
