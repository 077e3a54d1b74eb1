// @vitest-environment node
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

interface Locked {
  resolved?: string;
  integrity?: string;
  os?: string[];
}

it('the lock file names no registry, and has a hash for every package', () => {
  const lock = JSON.parse(readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8')) as { packages: Record<string, Locked> };
  for (const [name, p] of Object.entries(lock.packages)) {
    if (!name) continue;
    expect(p.resolved, name).toBeUndefined();
    expect(p.integrity, name).toMatch(/^sha512-/);
  }
});

it('nothing but the three libraries that are bundled is asked for at run time', () => {
  const own = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { dependencies: Record<string, string> };
  expect(Object.keys(own.dependencies).sort()).toEqual(['@preact/signals', 'preact', 'uplot']);
});
