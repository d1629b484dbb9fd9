import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

// Where `cargo run` serves the API while `npm run dev` serves the page.
const HUB = 'http://127.0.0.1:8080';

export default defineConfig({
  plugins: [svelte()],
  build: {
    target: 'es2022',
    // The tokens use light-dark(), which must stay as it is.
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    // The page is served under `default-src 'self'`: nothing may become a data: URL or inline script.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    manifest: true,
  },
  worker: { format: 'es' },
  server: { proxy: { '/api': HUB, '/healthz': HUB } },
});
