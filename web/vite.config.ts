/// <reference types="vitest/config" />
// Builds the page into the Python package. Every address in it is relative, because the server may mount it under any prefix.
import { resolve } from 'node:path';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';
import { budget } from './budget.ts';
import { groups } from './chunks.ts';
import { compress } from './compress.ts';
import { firstView } from './first-view.ts';

/** In the Python package. */
const BUILT = '../src/visavis/web';

const server = process.env['DEV_SERVER'] ?? 'http://127.0.0.1:7880';

export default defineConfig({
  base: './',
  plugins: [
    react(),
    firstView(import.meta.dirname),
    budget(import.meta.dirname),
    compress(resolve(import.meta.dirname, BUILT)),
  ],
  build: {
    outDir: BUILT,
    emptyOutDir: true,
    target: 'es2022',
    // Browsers without preloading fetch the same a little later.
    modulePreload: { polyfill: false },
    // livekit-client alone is about 500 kB before compression; budget.ts watches what home needs.
    chunkSizeWarningLimit: 1200,
    rolldownOptions: {
      // Home with its rooms, the operator's page, and the element for others' pages: nothing of one is fetched for another.
      input: { index: 'index.html', admin: 'admin.html', embed: 'src/embed/component.ts' },
      output: {
        // Pages that embed rooms name it in their source: no hash, and no other file that it would need.
        entryFileNames: ({ name }) => (name === 'embed' ? 'embed.js' : 'assets/[name]-[hash].js'),
        codeSplitting: { groups: groups(import.meta.dirname) },
      },
    },
  },
  server: {
    host: '127.0.0.1',
    proxy: {
      '/api': server,
      '/notificationHub': { target: server, ws: true },
    },
  },
  test: {
    environment: 'jsdom',
    // With a window of its own for each file they take six times as long.
    isolate: false,
    setupFiles: ['./src/test-setup.ts'],
    restoreMocks: true,
  },
});
