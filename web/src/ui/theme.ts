/* Light, dark, or what the system says. The choice belongs to the reader, not to the link, so it is kept in the browser. */
import { signal } from '@preact/signals';

export type Theme = 'auto' | 'light' | 'dark';
const KEY = 'gpuwise-theme';

const stored = (): Theme => {
  try {
    const v = localStorage.getItem(KEY);
    return v === 'light' || v === 'dark' ? v : 'auto';
  } catch {
    return 'auto';
  }
};

export const theme = signal<Theme>('auto');
/** Counts changes of what is seen, so that plots, whose colours are painted, are painted anew. */
export const painted = signal(0);

export function setTheme(t: Theme): void {
  theme.value = t;
  if (t === 'auto') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = t;
  try {
    if (t === 'auto') localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, t);
  } catch {
    /* a browser that keeps nothing */
  }
  painted.value++;
}

export function startTheme(): void {
  setTheme(stored());
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => painted.value++);
}

/** The colour that a CSS variable comes to. A custom property keeps light-dark() unresolved; `color` does not. */
export function colour(name: string): string {
  const probe = document.createElement('i');
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const c = getComputedStyle(probe).color;
  probe.remove();
  return c;
}

/** Diagonal lines: how unknown is painted everywhere. */
export function hatch(): CanvasPattern | string {
  const size = 6 * devicePixelRatio;
  const c = document.createElement('canvas');
  c.width = c.height = size;
  const g = c.getContext('2d');
  if (!g) return colour('unknown');
  g.fillStyle = colour('hatch-bg');
  g.fillRect(0, 0, size, size);
  g.strokeStyle = colour('hatch-line');
  g.lineWidth = devicePixelRatio * 1.25;
  for (const d of [-size, 0, size]) {
    g.beginPath();
    g.moveTo(d - 1, size + 1);
    g.lineTo(d + size + 1, -1);
    g.stroke();
  }
  return g.createPattern(c, 'repeat') ?? colour('unknown');
}
