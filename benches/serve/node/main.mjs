// A server for RTC tokens with the vendor's package, written in the usual way.

import agora from 'agora-token'
import express from 'express'
import { createRemoteJWKSet, errors, jwtVerify } from 'jose'

const { APP_ID, APP_CERTIFICATE, JWT_ISSUER, JWT_AUDIENCE, JWT_KEYS_URL, PORT } = process.env
const EXPIRES_IN = 3600
const CHANNEL = /^[a-zA-Z0-9 !#$%&()+\-:;<=.>?@[\]^_{}|~,]{1,64}$/

const keys = createRemoteJWKSet(new URL(JWT_KEYS_URL))
const expected = { issuer: JWT_ISSUER, audience: JWT_AUDIENCE, algorithms: ['RS256'], requiredClaims: ['sub', 'exp'] }

async function caller(request) {
    const [scheme, token] = (request.get('authorization') ?? '').split(' ')
    if (scheme.toLowerCase() !== 'bearer' || !token) return undefined
    try {
        const { payload } = await jwtVerify(token, keys, expected)
        return payload.sub
    } catch (error) {
        if (error instanceof errors.JOSEError) return undefined
        throw error
    }
}

const app = express()
app.disable('x-powered-by')
app.disable('etag')
app.get('/rtc/:channel/token', async (request, response) => {
    const user = await caller(request)
    if (!user) return response.status(401).json({ error: 'unauthorized' })
    const { channel } = request.params
    const account = request.query.account ?? user
    if (!CHANNEL.test(channel)) return response.status(400).json({ error: 'bad channel' })
    if (account !== user) return response.status(403).json({ error: 'forbidden' })
    const role = agora.RtcRole.SUBSCRIBER
    const token = agora.RtcTokenBuilder.buildTokenWithUserAccount(
        APP_ID, APP_CERTIFICATE, channel, account, role, EXPIRES_IN, EXPIRES_IN
    )
    console.log(JSON.stringify({ timestamp: new Date(), level: 'INFO', message: 'answered', status: 200 }))
    response.set('cache-control', 'no-store')
    response.json({ token, kind: 'agora-rtc', app_id: APP_ID, channel, account, expires_in: EXPIRES_IN })
})
app.listen(Number(PORT), '127.0.0.1')
