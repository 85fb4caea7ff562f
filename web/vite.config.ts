/**
 * The build of one page, whose files the server embeds. `PAGE` is its folder, else the scoreboard's.
 *
 * Paths in the output are relative, so any prefix can serve it. Nothing is inlined, because the
 * server's Content-Security-Policy allows no inline script.
 */
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  root: here(process.env.PAGE ?? 'scoreboard'),
  base: './',
  cacheDir: here('node_modules/.vite'),
  build: {
    outDir: here('dist'),
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    // Only the chunk of the charts is large. It loads after the score is on screen.
    chunkSizeWarningLimit: 600,
    modulePreload: { polyfill: false },
  },
  server: {
    // `npm run dev` shows the page over a server that is already running.
    proxy: { '/v1': process.env.ESTADIO_URL ?? 'http://127.0.0.1:8080' },
  },
  test: {
    root: here('.'),
    include: ['shared/**/*.test.ts', 'scoreboard/src/**/*.test.ts'],
  },
});
