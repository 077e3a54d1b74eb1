/* The pictures of the documentation. usage: node tests/screenshots.mjs FOLDER [URL]   (tools/make-screenshots) */
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { CHROMIUM, CHROMIUM_ARGS, serve } from './server.mjs';

const BYTES_MAX = 150_000;
const SHOTS = [
  ['overview', '#/overview', 960],
  ['fleet', '#/fleet?at=2026-09-09T15%3A00%3A00Z', 1090],
  ['plan', '#/plan', 800],
  ['budgets', '#/budgets?budget=assistant', 800],
];

const [folder, url] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
const server = await serve(url === '--mock' ? { mock: true } : { url });
const browser = await chromium.launch({ executablePath: CHROMIUM, args: CHROMIUM_ARGS });
let failed = false;
try {
  for (const [name, hash, height] of SHOTS) {
    const page = await browser.newPage({ viewport: { width: 1280, height }, colorScheme: 'light', reducedMotion: 'reduce' });
    await page.goto(new URL(hash, server.base).href);
    await page.waitForSelector('main .panel');
    await page.waitForFunction(() => !document.querySelector('main .skeleton'));
    await page.waitForTimeout(400);
    const file = join(folder, `${name}.png`);
    await page.screenshot({ path: file });
    await page.close();
    const { size } = statSync(file);
    console.log(`${file}: ${size} bytes`);
    if (size > BYTES_MAX) {
      console.error(`${file} is larger than ${BYTES_MAX} bytes`);
      failed = true;
    }
  }
} finally {
  await browser.close();
  server.stop();
}
process.exit(failed ? 1 : 0);
