import AgoraRTM from 'agora-rtm'
import { logInToAgoraRtm } from '../../../../clients/web/src/adapters/agora-rtm.js'
import { rtm, TokenKeeper } from '../../../../clients/web/src/index.js'
import { expiresIn, say, service, told } from '../page.js'

export async function run() {
    const keeper = new TokenKeeper({ service, request: rtm('alice', { expiresIn }) })
    const client = new AgoraRTM.RTM((await keeper.token()).app_id, 'alice')
    client.addEventListener('tokenPrivilegeWillExpire', () => say('warned'))
    await logInToAgoraRtm(client, keeper, told)
}
