// An RTM token function, written in the usual way.

import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import agora from 'agora-token'

const client = new SecretsManagerClient()

export async function start() {
    const { SecretString } = await client.send(new GetSecretValueCommand({ SecretId: process.env.AGORA_SECRET_ID }))
    const { app_id, app_certificate } = JSON.parse(SecretString)
    return async event => {
        const caller = event.requestContext?.authorizer?.jwt?.claims?.sub
        if (!caller) return { statusCode: 401 }
        const token = agora.RtmTokenBuilder.buildToken(app_id, app_certificate, caller, 3600)
        console.log(JSON.stringify({ level: 'INFO', message: 'minted' }))
        const body = { token, kind: 'agora-rtm', app_id, user_id: caller, expires_in: 3600 }
        return { statusCode: 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
    }
}
