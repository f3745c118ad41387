import AgoraRTC from 'agora-rtc-sdk-ng'
import { joinAgoraRtc } from '../../../../clients/web/src/adapters/agora-rtc.js'
import { rtc, TokenKeeper } from '../../../../clients/web/src/index.js'
import { expiresIn, say, service, told } from '../page.js'

export async function run() {
    const client = AgoraRTC.createClient({ mode: 'rtc', codec: 'vp8' })
    client.on('token-privilege-will-expire', () => say('warned'))
    const request = rtc('demo', { uid: 1234, role: 'publisher', expiresIn })
    await joinAgoraRtc(client, new TokenKeeper({ service, request }), told)
}
