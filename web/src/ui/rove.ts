/* One stop of the Tab key for a group of things that arrow keys walk: the tiles of the map, the points of a plot. */

/** Left and right go to the neighbour, Home and End to the ends, up and down to the same place in the next `row`. */
export function rove(e: KeyboardEvent, items: string, row?: string): void {
  const from = e.target instanceof Element ? e.target.closest<HTMLElement | SVGElement>(items) : null;
  const host = e.currentTarget instanceof Element ? e.currentTarget : null;
  if (!from || !host || e.altKey || e.ctrlKey || e.metaKey) return;
  const all = [...host.querySelectorAll<HTMLElement | SVGElement>(items)];
  const at = all.indexOf(from);
  let to: number | undefined = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: all.length - 1 }[e.key];
  if ((e.key === 'ArrowDown' || e.key === 'ArrowUp') && row) {
    const rows = [...host.querySelectorAll(row)];
    const mine = rows.findIndex((r) => r.contains(from));
    const place = mine < 0 ? 0 : [...(rows[mine]?.querySelectorAll(items) ?? [])].indexOf(from);
    const step = e.key === 'ArrowDown' ? 1 : -1;
    for (let r = mine + step; r >= 0 && r < rows.length; r += step) {
      const there = [...(rows[r]?.querySelectorAll<HTMLElement>(items) ?? [])];
      const next = there[Math.min(place, there.length - 1)];
      if (next) {
        to = all.indexOf(next);
        break;
      }
    }
  }
  if (to === undefined) return;
  e.preventDefault();
  const next = all[Math.min(all.length - 1, Math.max(0, to))];
  if (!next) return;
  from.setAttribute('tabindex', '-1');
  next.setAttribute('tabindex', '0');
  next.focus();
}
