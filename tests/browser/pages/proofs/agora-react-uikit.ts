import AgoraUIKit from 'agora-react-uikit'
import { createElement } from 'react'
import { createRoot } from 'react-dom/client'
import { fromTest, say, service } from '../page.js'

/** Adds the user's JWT to what the page asks of the token server, and to nothing else. The kit needs no other change. */
function sendJwt(jwt: string) {
    const plain = globalThis.fetch
    globalThis.fetch = (input, init) => {
        if (new URL(String(input), location.href).origin !== service.url) return plain(input, init)
        return plain(input, { ...init, headers: { authorization: `Bearer ${jwt}` } })
    }
}

export async function run() {
    const { jwt, ...props } = fromTest<Given>()
    if (jwt !== undefined) sendJwt(jwt)
    const root = document.body.appendChild(document.createElement('main'))
    root.style.cssText = 'display: flex; width: 100vw; height: 60vh'
    const callbacks = {
        'token-privilege-will-expire': () => say('warned'),
        'connection-state-change': (state: string) => say(`RTC ${state}`),
    }
    createRoot(root).render(createElement(AgoraUIKit, { ...props, callbacks }))
}

/** The kit's own properties, and the user's JWT. */
type Given = Parameters<typeof AgoraUIKit>[0] & { jwt?: string }
