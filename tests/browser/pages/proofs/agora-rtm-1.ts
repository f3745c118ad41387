import AgoraRTM from 'agora-rtm-1'
import { logInToAgoraRtm1 } from '../../../../clients/web/src/adapters/agora-rtm-1.js'
import { rtm, TokenKeeper } from '../../../../clients/web/src/index.js'
import { expiresIn, say, service, told } from '../page.js'

export async function run() {
    const keeper = new TokenKeeper({ service, request: rtm('alice', { version: '006', expiresIn }) })
    const client = AgoraRTM.createInstance((await keeper.token()).app_id)
    client.on('TokenPrivilegeWillExpire', () => say('warned'))
    await logInToAgoraRtm1(client, 'alice', keeper, told)
}
