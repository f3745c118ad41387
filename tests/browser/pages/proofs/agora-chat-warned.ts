import AgoraChat from 'agora-chat'
import { openAgoraChat, type TokenSource } from '../../../../clients/web/src/adapters/agora-chat.js'
import { type Answer, chatUser, TokenKeeper } from '../../../../clients/web/src/index.js'
import { expiresIn, say, service, told } from '../page.js'

export async function run() {
    const connection = new AgoraChat.connection({ appKey: 'org#app' })
    connection.addEventHandler('page', { onTokenWillExpire: () => say('warned') })
    const keeper = new TokenKeeper({ service, request: chatUser('alice', { expiresIn }) })
    // A keeper is always earlier than this SDK's warning, so this source hands a token on only when it is asked to renew.
    let listener = (_: Answer) => {}
    const source: TokenSource<Answer> = {
        current: undefined,
        token: () => keeper.token(),
        renew: async () => {
            const answer = await keeper.renew()
            listener(answer)
            return answer
        },
        subscribe: (one) => {
            listener = one
            return () => {}
        },
    }
    await openAgoraChat(connection, 'alice', source, told)
}
