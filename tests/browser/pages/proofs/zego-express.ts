import { ZegoExpressEngine } from 'zego-express-engine-webrtc'
import { logInToZegoRoom } from '../../../../clients/web/src/adapters/zego-express.js'
import { TokenKeeper, zego } from '../../../../clients/web/src/index.js'
import { expiresIn, say, service, told } from '../page.js'

export async function run() {
    const request = zego('alice', { roomId: 'demo', publish: true, streamIds: ['s1'], expiresIn })
    const keeper = new TokenKeeper({ service, request })
    const engine = new ZegoExpressEngine((await keeper.token()).app_id, 'wss://edge.zego.im/ws')
    engine.on('tokenWillExpire', () => say('warned'))
    await logInToZegoRoom(engine, 'demo', keeper, told)
}
