import { ZIM } from 'zego-zim-web'
import { logInToZim, type Zim } from '../../../../clients/web/src/adapters/zego-zim.js'
import { TokenKeeper, zim } from '../../../../clients/web/src/index.js'
import { expiresIn, say, service, told } from '../page.js'

export async function run() {
    const keeper = new TokenKeeper({ service, request: zim('alice', { expiresIn }) })
    const { app_id: appID, token } = await keeper.token()
    const client = ZIM.create({ appID })
    if (client === null) throw new Error('there is a ZIM already')
    const garbled = {
        'cut short': token.slice(0, 30),
        'not base64': `04${'!'.repeat(token.length - 2)}`,
        'of another version': `03${token.slice(2)}`,
    }
    for (const [how, bad] of Object.entries(garbled)) {
        const profile = { userName: 'alice', userAvatarUrl: '', userExtendedData: '' }
        await client.login({ userID: 'alice', ...profile }, bad).then(
            () => say(`a token ${how}: taken`),
            ({ code }) => say(`a token ${how}: ${String(code)}`),
        )
    }
    await logInToZim(watched(client), keeper, told)
}

/** The SDK has one listener for each event, which will be the adapter's. */
function watched(client: ZIM): Zim {
    const on = (event: string, listener: (...details: unknown[]) => void) => {
        client.on(event as 'tokenWillExpire', (...details) => {
            if (event === 'tokenWillExpire') say('warned')
            listener(...details)
        })
    }
    return new Proxy(client, {
        get: (target, name) => {
            if (name === 'on') return on
            const member: unknown = Reflect.get(target, name)
            return typeof member === 'function' ? member.bind(target) : member
        },
    }) as unknown as Zim
}
