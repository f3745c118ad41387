// One page for every proof: `?proof=agora-rtc&service=http://127.0.0.1:9000&expires_in=40`. It logs in with the vendor's
// SDK, and lists what happens.

const asked = new URL(location.href).searchParams
/** Which proof this is. */
export const name = asked.get('proof') ?? ''

/** Where tokens come from. */
export const service = { url: asked.get('service') ?? '' }
/** How long they live, in seconds. */
export const expiresIn = Number(asked.get('expires_in'))

/** What the test hands to the page. */
export function fromTest<Given>(): Given {
    return globalThis.given as Given
}

declare global {
    /** What has happened so far. */
    var happened: string[]
    var given: unknown
}
globalThis.happened = []

export function say(what: string): void {
    globalThis.happened.push(what)
    document.querySelector('ol')?.appendChild(document.createElement('li')).append(what)
}

/** What an adapter tells. */
export const told = {
    onRenewed: () => say('renewed'),
    onError: (error: unknown) => say(`error: ${String(error)}`),
}
