import { fileURLToPath } from 'node:url';
import type { ServerResponse } from 'node:http';
import { type Connect, defineConfig, type Plugin } from 'vite';

/** One page for each SDK, so that no page loads another's SDK, and one page for agents. */
const PAGES = ['index', 'signed-in', 'rtc', 'rtm', 'rtm-1', 'chat', 'express', 'zim', 'agent'];

/**
 * The token service. The pages reach it below `/api` on their own host, so they need no CORS and no configured address.
 * CORS is off, because Vite's default lets pages of every other server on this machine read from here, tokens too.
 */
const service = process.env['SERVICE'] ?? `http://127.0.0.1:${process.env['PORT'] ?? '9000'}`;
/** The backend that starts agents: tools/demo-agents/backend.mjs. */
const agents = process.env['AGENTS'] ?? 'http://127.0.0.1:5175';
const proxy = {
  '/api': { target: service, changeOrigin: true, rewrite: (path: string) => path.replace(/^\/api/, '') },
  '/agents': { target: agents, changeOrigin: true },
};

/** Where the pages sign in: see demo/sign-in.ts. Without the first two settings they have no sign-in. */
const issuer = process.env['JWT_ISSUER'] ?? '';
const client = process.env['DEMO_CLIENT_ID'] ?? '';
const audience = process.env['JWT_AUDIENCE'] ?? client;
const scope = process.env['DEMO_SCOPE'] ?? 'openid';
const signIn: Plugin = {
  name: 'the sign-in of the pages',
  configureServer: ({ middlewares }) => void middlewares.use('/sign-in.json', tellSignIn),
  configurePreviewServer: ({ middlewares }) => void middlewares.use('/sign-in.json', tellSignIn),
};

function tellSignIn(_: Connect.IncomingMessage, response: ServerResponse): void {
  const here = ['localhost', '127.0.0.1'].includes(new URL(service).hostname);
  const demo_credentials = here && process.env['LOCAL_CREDENTIALS'] === undefined;
  const settings = { issuer, client_id: client, scope, ...(audience === client ? {} : { audience }), demo_credentials };
  response.writeHead(issuer !== '' && client !== '' ? 200 : 404, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(JSON.stringify(issuer !== '' && client !== '' ? settings : {}));
}

const server = { port: Number(process.env['DEMO_PORT'] ?? '5173'), strictPort: true, proxy, cors: false };

export default defineConfig({
  root: 'demo',
  base: './',
  server,
  preview: server,
  plugins: [signIn],
  // Name them here. Otherwise Vite finds them when a page first loads, and reloads that page.
  optimizeDeps: {
    include: ['oidc-client-ts', 'agora-rtc-sdk-ng', 'agora-rtm', 'agora-rtm-1', 'agora-chat', 'zego-express-engine-webrtc', 'zego-zim-web'],
  },
  build: {
    // Outside the folder that the dev server watches.
    outDir: '../demo-dist',
    emptyOutDir: true,
    // The vendors' SDKs have half a megabyte to two each.
    chunkSizeWarningLimit: 4096,
    rolldownOptions: { input: PAGES.map((page) => fileURLToPath(new URL(`demo/${page}.html`, import.meta.url))) },
  },
});
