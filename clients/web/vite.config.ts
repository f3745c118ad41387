import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

/** One page for each SDK, so that no page loads another's SDK. */
const PAGES = ['index', 'rtc', 'rtm', 'rtm-1', 'chat', 'express', 'zim'];

/**
 * The token service. The pages reach it below `/api` on their own host, so they need no CORS and no configured address.
 * CORS is off, because Vite's default lets pages of every other server on this machine read from here, tokens too.
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
  // Name them here. Otherwise Vite finds them when a page first loads, and reloads that page.
  optimizeDeps: {
    include: ['agora-rtc-sdk-ng', 'agora-rtm', 'agora-rtm-1', 'agora-chat', 'zego-express-engine-webrtc', 'zego-zim-web'],
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
