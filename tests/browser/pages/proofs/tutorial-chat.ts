// What the page of the vendor's Chat tutorial does, call by call, without our module: the bare token as text, and a new
// one when the SDK warns.
import AgoraChat from 'agora-chat'
import { say, service } from '../page.js'

export async function run() {
    const connection = new AgoraChat.connection({ appKey: 'org#app' })
    const fetchToken = (user: string) => fetch(`${service.url}/chat/user/${user}/token`).then((answer) => answer.text())
    const renew = () => fetchToken('alice').then((token) => connection.renewToken(token)).then(() => say('renewed'))
    connection.addEventHandler('tutorial', {
        onTokenWillExpire: () => {
            say('warned')
            void renew()
        },
        onTokenExpired: () => void renew(),
    })
    await fetchToken('alice').then((agoraToken) => connection.open({ user: 'alice', agoraToken }))
}
