// What the page of the vendor's RTM 1.x tutorial does, call by call, without our module: a POST of the user's id as JSON,
// and a new token every 30 seconds. The tutorial's axios sends this Accept, and this content type as it is told.
import AgoraRTM from 'agora-rtm-1'
import { say, service } from '../page.js'

const APP_ID = '0'.repeat(32)

export async function run() {
    const fetchToken = async (uid: string): Promise<string> => {
        const headers = { accept: 'application/json, text/plain, */*', 'content-type': 'application/json; charset=UTF-8' }
        const answer = await fetch(`${service.url}/fetch_rtm_token`, { method: 'POST', headers, body: JSON.stringify({ uid }) })
        return ((await answer.json()) as { token: string }).token
    }
    const client = AgoraRTM.createInstance(APP_ID)
    const uid = '1234'
    await client.login({ uid, token: await fetchToken(uid) })
    setInterval(async () => {
        await client.renewToken(await fetchToken(uid))
        say('renewed')
    }, 30_000)
}
