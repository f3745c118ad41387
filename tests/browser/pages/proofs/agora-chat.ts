import AgoraChat from 'agora-chat'
import { openAgoraChat } from '../../../../clients/web/src/adapters/agora-chat.js'
import { chatUser, TokenKeeper } from '../../../../clients/web/src/index.js'
import { expiresIn, say, service, told } from '../page.js'

export async function run() {
    const connection = new AgoraChat.connection({ appKey: 'org#app' })
    connection.addEventHandler('page', { onTokenWillExpire: () => say('warned') })
    const keeper = new TokenKeeper({ service, request: chatUser('alice', { expiresIn }) })
    await openAgoraChat(connection, 'alice', keeper, told)
}
