import { defineConfig } from 'vite';

export default defineConfig({
  // relative, so that the page also works under a path of a proxy
  base: './',
  esbuild: { jsx: 'automatic', jsxImportSource: 'preact' },
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    // browsers of the target preload modules themselves
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  test: { include: ['tests/*.test.ts'] },
});
