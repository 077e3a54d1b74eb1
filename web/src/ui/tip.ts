/* One tooltip for the page. Whatever has `data-f` (a key of formulas.ts), `data-tip` (text) or `data-exact` (the exact
 * value) gets it on hover and on focus. It can be hovered itself, stays until the pointer or the focus leaves, and goes
 * with Escape (WCAG 1.4.13). One element and four listeners, so that a table of a thousand numbers costs nothing. */
import { formulas, type Formula } from '../formulas';

const SELECTOR = '[data-f],[data-tip],[data-exact]';
const HIDE_MS = 200;
const MARGIN = 8;

let box: HTMLDivElement;
let owner: Element | null = null;
let timer: ReturnType<typeof setTimeout> | undefined;

function line(className: string, text: string): HTMLElement {
  const p = document.createElement('div');
  p.className = className;
  p.textContent = text;
  return p;
}

function fill(el: HTMLElement): boolean {
  const f: Formula | undefined = (formulas as Record<string, Formula>)[el.dataset.f ?? ''];
  const parts: HTMLElement[] = [];
  if (f) parts.push(line('tip-name', f.name));
  if (el.dataset.exact) parts.push(line('tip-exact', el.dataset.exact));
  if (f) parts.push(line('tip-what', f.what));
  if (f?.how) parts.push(line('tip-how', f.how));
  for (const t of (el.dataset.tip ?? '').split('\n')) if (t) parts.push(line('tip-what', t));
  box.replaceChildren(...parts);
  return parts.length > 0;
}

/** Beside its number, so that the column stays free for the next one; below where there is no room at either side. */
function place(r: DOMRect, b: DOMRect): void {
  const right = r.right + MARGIN;
  const left = r.left - b.width - MARGIN;
  const beside = right + b.width + MARGIN <= innerWidth ? right : left >= MARGIN ? left : null;
  const x = beside ?? Math.max(MARGIN, Math.min(r.left, innerWidth - b.width - MARGIN));
  const y = beside === null ? r.bottom + MARGIN : r.top - MARGIN;
  const fits = y + b.height + MARGIN <= innerHeight;
  const otherwise = beside === null ? r.top - b.height - MARGIN : innerHeight - b.height - MARGIN;
  box.style.left = `${x}px`;
  box.style.top = `${fits ? y : Math.max(MARGIN, otherwise)}px`;
}

function show(el: HTMLElement): void {
  clearTimeout(timer);
  if (owner === el) return;
  hide();
  if (!fill(el)) return;
  owner = el;
  box.hidden = false;
  place(el.getBoundingClientRect(), box.getBoundingClientRect());
  el.setAttribute('aria-describedby', 'tip');
}

function hide(): void {
  clearTimeout(timer);
  owner?.removeAttribute('aria-describedby');
  owner = null;
  box.hidden = true;
}

const hideSoon = (): void => {
  clearTimeout(timer);
  timer = setTimeout(hide, HIDE_MS);
};

const target = (e: Event): HTMLElement | null => (e.target instanceof Element ? e.target.closest<HTMLElement>(SELECTOR) : null);

/** A focused cell speaks for the number in it. */
function focusTarget(e: Event): HTMLElement | null {
  const t = target(e);
  if (t || !(e.target instanceof Element)) return t;
  return e.target.matches('td,th') ? e.target.querySelector<HTMLElement>(SELECTOR) : null;
}

export function startTips(): void {
  box = document.createElement('div');
  box.id = 'tip';
  box.className = 'tip';
  box.setAttribute('role', 'tooltip');
  box.hidden = true;
  document.body.append(box);
  document.addEventListener('pointerover', (e) => {
    if (e.target instanceof Node && box.contains(e.target)) return clearTimeout(timer);
    const t = target(e);
    if (t) show(t);
    else if (owner) hideSoon();
  });
  document.addEventListener('focusin', (e) => {
    const t = focusTarget(e);
    if (t) show(t);
    else hide();
  });
  document.addEventListener('focusout', hideSoon);
  document.addEventListener('keydown', (e) => {
    if (e.key === 'Escape' && owner) hide();
  });
  addEventListener('scroll', () => owner && !owner.contains(document.activeElement) && hide(), { passive: true, capture: true });
  addEventListener('popstate', hide);
}
