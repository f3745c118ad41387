import { ZegoUIKitPrebuilt } from '@zegocloud/zego-uikit-prebuilt'
import { ZIM } from 'zego-zim-web'
import { fromTest, say, service } from '../page.js'

/** What the kit has read from a kit token. The kit's class keeps it as private data. */
interface Kit { core: { _expressConfig: unknown } }

async function kitToken({ path, jwt }: Given): Promise<string> {
    const answer = await fetch(service.url + path, { headers: { authorization: `Bearer ${jwt}` } })
    return (await answer.json()).kit_token
}

export async function run() {
    const given = fromTest<Given>()
    const kit = ZegoUIKitPrebuilt.create(await kitToken(given))
    globalThis.kitTokenOf = ZegoUIKitPrebuilt.generateKitTokenForProduction
    // A copy, because the kit writes a new token into it.
    globalThis.parsed = structuredClone((ZegoUIKitPrebuilt as unknown as Kit).core._expressConfig)
    // Calls and their messages need the kit's plugin for ZIM. It uses the same token.
    if (given.zim) kit.addPlugins({ ZIM })
    const container = document.body.appendChild(document.createElement('main'))
    container.style.cssText = 'width: 100vw; height: 70vh'
    const config = {
        container,
        scenario: { mode: ZegoUIKitPrebuilt.GroupCall },
        showPreJoinView: false,
        turnOnCameraWhenJoining: false,
        turnOnMicrophoneWhenJoining: false,
        onJoinRoom: () => say('joined'),
        // The kit's types lack this function and the parameter of `renewToken`. The kit's documentation has both.
        onTokenWillExpire: async () => {
            say('warned')
            const renew = kit.renewToken.bind(kit) as (kitToken: string) => boolean
            renew(await kitToken(given))
        },
    }
    kit.joinRoom(config)
}

interface Given { path: string; jwt: string; zim: boolean }

declare global {
    /** What the kit has read from its first kit token. */
    var parsed: unknown
    /** The kit's own way to make a kit token. */
    var kitTokenOf: typeof ZegoUIKitPrebuilt.generateKitTokenForProduction
}
