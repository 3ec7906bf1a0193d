/// <reference types="vitest/config" />
// Builds the page into the Python package. Every address in it is relative, because the server may mount it under any prefix.
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

const server = process.env['DEV_SERVER'] ?? 'http://127.0.0.1:7880';

export default defineConfig({
  base: './',
  plugins: [react()],
  build: {
    outDir: '../src/visavis/web',
    emptyOutDir: true,
    target: 'es2022',
    // livekit-client alone is about 500 kB before compression, and is needed for the first click.
    chunkSizeWarningLimit: 1200,
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
    setupFiles: ['./src/test-setup.ts'],
    restoreMocks: true,
  },
});
