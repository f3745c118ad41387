import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

/** The pages: each its own, so that none loads another's SDK. */
const PAGES = ['index', 'rtc', 'rtm', 'rtm-1', 'chat', 'express', 'zim'];

/**
 * The token service, which the pages reach below `/api` on their own host: no CORS, and no address to configure. By default
 * Vite would let the pages of every other server on this machine read from here, tokens too.
 */
const service = process.env['SERVICE'] ?? `http://127.0.0.1:${process.env['PORT'] ?? '9000'}`;
const proxy = {
  '/api': { target: service, changeOrigin: true, rewrite: (path: string) => path.replace(/^\/api/, '') },
};
const server = { port: Number(process.env['DEMO_PORT'] ?? '5173'), strictPort: true, proxy, cors: false };

export default defineConfig({
  root: 'demo',
  base: './',
  server,
  preview: server,
  // Known beforehand, or a page that is opened first would reload while Vite finds out.
  optimizeDeps: {
    include: ['agora-rtc-sdk-ng', 'agora-rtm', 'agora-rtm-1', 'agora-chat', 'zego-express-engine-webrtc', 'zego-zim-web'],
  },
  build: {
    // Outside of what the dev server watches.
    outDir: '../demo-dist',
    emptyOutDir: true,
    // The SDKs are what they are: half a megabyte to two each.
    chunkSizeWarningLimit: 4096,
    rolldownOptions: { input: PAGES.map((page) => fileURLToPath(new URL(`demo/${page}.html`, import.meta.url))) },
  },
});
