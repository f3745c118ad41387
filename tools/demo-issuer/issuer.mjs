// An OpenID provider for the demo: everybody may sign in under any name, without a password. Only this machine reaches it.
//
//   ISSUER_PORT=5174 DEMO_PORT=5173 node issuer.mjs
//
// Its access tokens are JWTs for the audience `tokenmint`. ACCESS_TOKEN_SECONDS says how long they live. A page gets one when somebody
// signs in. A program gets one at once, also for another audience:
//
//   curl -d name=alice -d audience=uikit localhost:5174/jwt
//
// A backend gets a JWT for the audience `tokenmint-backends`, with client credentials. Its client exists only if its secret is in the
// variable DEMO_BACKEND_CLIENT_SECRET. No user gets this audience.

import { generateKeyPairSync, randomBytes } from 'node:crypto'

// The provider warns of what it lacks for real users. This one has none.
console.warn = console.info = () => {}
const { default: Provider, interactionPolicy } = await import('oidc-provider')

const port = Number(process.env.ISSUER_PORT ?? '5174')
const pages = Number(process.env.DEMO_PORT ?? '5173')
const lives = Number(process.env.ACCESS_TOKEN_SECONDS ?? '300')
const CLIENT = 'tokenmint-demo'
/** Not the client's id: that is the audience of ID tokens, which the service must not believe. */
const AUDIENCE = 'tokenmint'
/** The client of the demo's backend, with its audience and its scope. No other client gets these. */
const BACKEND = { client: 'tokenmint-demo-backend', audience: 'tokenmint-backends', scope: 'mint' }
const backendSecret = process.env.DEMO_BACKEND_CLIENT_SECRET

/** The access token is for this audience. Without the format it would be opaque: no service but this one could read it. */
const resourceServer = (audience, scope = 'publish') => ({
    scope,
    audience,
    accessTokenFormat: 'jwt',
    accessTokenTTL: lives,
    jwt: { sign: { alg: 'RS256' } },
})
const claimsOf = name => ({ rooms: ['demo', `${name}-*`] })
/** A name that begins with guest- may only listen. */
const mayPublish = name => !name.startsWith('guest-')

// Both names of this machine, because a page is one origin under each of them.
const origins = ['localhost', '127.0.0.1'].map(host => `http://${host}:${pages}`)
const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' })

// The demo's page is the only client, so nobody has to consent.
const policy = interactionPolicy.base()
policy.remove('consent')

const provider = new Provider(`http://localhost:${port}`, {
    clients: [{
        client_id: CLIENT,
        // A program in a browser can keep no secret. PKCE is what protects it.
        token_endpoint_auth_method: 'none',
        grant_types: ['authorization_code'],
        response_types: ['code'],
        redirect_uris: origins.map(origin => `${origin}/signed-in.html`),
        post_logout_redirect_uris: origins.map(origin => `${origin}/index.html`),
    }, ...(backendSecret ? [{
        client_id: BACKEND.client,
        client_secret: backendSecret,
        grant_types: ['client_credentials'],
        response_types: [],
        redirect_uris: [],
    }] : [])],
    clientBasedCORS: (_, origin) => origins.includes(origin),
    jwks: { keys: [{ ...key, kid: 'demo', use: 'sig', alg: 'RS256' }] },
    cookies: { keys: [randomBytes(32).toString('hex')] },
    scopes: ['openid'],
    claims: { openid: ['sub'] },
    findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ sub }) }),
    // A backend has no account.
    extraTokenClaims: (_, { accountId }) => accountId === undefined ? {} : claimsOf(accountId),
    features: {
        clientCredentials: { enabled: true },
        devInteractions: { enabled: false },
        // The provider's own pages load a font from another machine.
        rpInitiatedLogout: {
            logoutSource: (ctx, form) => {
                ctx.body = page('Sign out of the demo', `${form}<button type="submit" form="op.logoutForm" name="logout" value="yes">Sign out</button>`)
            },
            postLogoutSuccessSource: ctx => {
                ctx.body = page('You are signed out', '')
            },
        },
        resourceIndicators: {
            enabled: true,
            // The audience depends on the client alone. What the client asks for does not count.
            defaultResource: (_, client) => `urn:${client.clientId === BACKEND.client ? BACKEND.audience : AUDIENCE}`,
            useGrantedResource: () => true,
            getResourceServerInfo: (_, resource, client) => client.clientId === BACKEND.client
                ? resourceServer(BACKEND.audience, BACKEND.scope)
                : resourceServer(AUDIENCE),
        },
    },
    ttl: { AccessToken: lives, ClientCredentials: lives, IdToken: lives, Session: 86_400, Grant: 86_400, Interaction: 600 },
    interactions: { policy, url: (_, { uid }) => `/sign-in/${uid}` },
    loadExistingGrant: async ctx => {
        const { client, session, params } = ctx.oidc
        const grant = new ctx.oidc.provider.Grant({ clientId: client.clientId, accountId: session.accountId })
        grant.addOIDCScope('openid')
        if (mayPublish(session.accountId)) grant.addResourceScope(`urn:${AUDIENCE}`, params.scope)
        await grant.save()
        return grant
    },
    renderError: (ctx, { error, error_description }) => {
        ctx.type = 'html'
        ctx.body = page('The sign-in failed', `<p>${escaped(error)}: ${escaped(error_description ?? '')}</p>`)
    },
})

provider.use(async (ctx, next) => {
    if (ctx.method !== 'POST' || ctx.path !== '/jwt') return next()
    ctx.set('cache-control', 'no-store')
    // Programs alone. A browser says with this header that a page asks.
    if (ctx.get('sec-fetch-site') !== '') ctx.throw(403)
    const asked = new URLSearchParams(await read(ctx.req))
    const [name, audience] = [nameIn(asked), asked.get('audience') ?? AUDIENCE]
    if (name === undefined) ctx.throw(400, NAME_RULE)
    if (!/^[\x21-\x7e]{1,100}$/.test(audience)) ctx.throw(400, 'An audience has 1 to 100 visible ASCII characters.')
    if (audience === BACKEND.audience) ctx.throw(400, 'No user gets this audience.')
    const client = await provider.Client.find(CLIENT)
    const token = new provider.AccessToken({
        accountId: name, client, aud: audience, extra: claimsOf(name), scope: mayPublish(name) ? 'publish' : undefined,
    })
    token.resourceServer = new provider.ResourceServer(`urn:${audience}`, resourceServer(audience))
    ctx.body = `${await token.save()}\n`
})

provider.use(async (ctx, next) => {
    const uid = /^\/sign-in\/([\w-]+)$/.exec(ctx.path)?.[1]
    if (uid === undefined) return next()
    ctx.set('cache-control', 'no-store')
    if (ctx.method !== 'POST') {
        ctx.type = 'html'
        ctx.body = page('Sign in to the demo', FORM)
        return undefined
    }
    // Another site's page must not sign somebody in.
    if (ctx.get('sec-fetch-site') !== '' && ctx.get('sec-fetch-site') !== 'same-origin') ctx.throw(403)
    const name = nameIn(new URLSearchParams(await read(ctx.req)))
    if (name === undefined) {
        ctx.type = 'html'
        ctx.status = 400
        ctx.body = page('Sign in to the demo', `<p role="alert">${NAME_RULE}</p>${FORM}`)
        return undefined
    }
    return provider.interactionFinished(ctx.req, ctx.res, { login: { accountId: name } })
})

const NAME_RULE = 'A name has letters, digits and the marks . _ - @ and |, 64 at most.'

function nameIn(fields) {
    const name = fields.get('name')?.trim() ?? ''
    return /^[a-z0-9|@._-]{1,64}$/i.test(name) ? name : undefined
}

const FORM = `
<p>This sign-in runs on your machine and belongs to the demo. In your own app, your provider takes its place. There is no password.</p>
<form method="post" autocomplete="off">
  <label for="name">Your name</label>
  <input id="name" name="name" value="alice" required maxlength="64" autocapitalize="none" spellcheck="false">
  <button type="submit">Sign in</button>
</form>`

function page(title, body) {
    return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>${title}</title><style>
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 26rem; margin: 4rem auto; padding: 0 1rem }
label, input, button { display: block; width: 100%; box-sizing: border-box; font: inherit }
input, button { padding: .6rem; margin: .25rem 0 1rem }
button { cursor: pointer }
</style></head><body><main><h1>${title}</h1>${body}</main></body></html>`
}

function escaped(text) {
    return String(text).replace(/[&<>"']/g, mark => `&#${mark.charCodeAt(0)};`)
}

async function read(request) {
    let body = ''
    for await (const part of request) {
        body += part
        if (body.length > 1000) break
    }
    return body
}

provider.listen(port, '127.0.0.1', () => {
    console.log(`The demo's sign-in is at http://localhost:${port}. A JWT for a terminal: JWT=$(curl -s -d name=alice localhost:${port}/jwt)`)
})
