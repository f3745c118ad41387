import { name, say } from './page.js'

const proofs = import.meta.glob<{ run(): Promise<void> }>('./proofs/*.ts')
document.querySelector('h1')?.append(name)
try {
    const proof = proofs[`./proofs/${name}.ts`]
    if (proof === undefined) throw new Error(`no proof is called ${name}`)
    await (await proof()).run()
    say('logged in')
} catch (error) {
    const { code, message } = error as { code?: unknown; message?: string }
    say(`failed: ${String(code ?? '')} ${message ?? String(error)}`)
}
