/* One table for all pages: sorted and paged by the URL, walked with the arrow keys, saved as CSV.
 *
 * The table is one stop of the Tab key (role grid): arrows, Home, End, Page Up and Page Down move between cells, and
 * the focused cell shows the formula and the exact value of its number. Enter follows the row's link. */
import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { request, token } from '../api';
import { csv } from '../format';
import type { FormulaKey } from '../formulas';
import { go, param, paramInt, setParams } from '../route';

export interface Column<T> {
  key: string;
  label: string;
  f?: FormulaKey;
  /** numbers stand right */
  text?: boolean;
  cell: (row: T) => ComponentChildren;
  /** what to sort by and to write as CSV; null is unknown and sorts last */
  value?: (row: T) => number | string | null;
}

interface Props<T> {
  /** names its part of the URL: two tables of a page need two */
  id: string;
  caption: string;
  columns: Column<T>[];
  rows: readonly T[];
  rowKey: (row: T) => string;
  /** as the rows come, unless the reader sorts */
  pageSize?: number;
  /** the address of the server's CSV; without it the page writes one */
  csvHref?: string;
  csvName?: string;
  rowHref?: (row: T) => string | null;
  selected?: string | undefined;
  empty?: ComponentChildren;
  showCaption?: boolean;
  foot?: ComponentChildren;
}

function compare(a: number | string | null, b: number | string | null, sign: number): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
  if (typeof a === 'number' && typeof b === 'number') return (a - b) * sign;
  return String(a).localeCompare(String(b), 'en', { numeric: true }) * sign;
}

export function save(name: string, text: string, type: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const a = document.createElement('a');
  a.href = url;
  a.download = name;
  a.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

function CsvLink<T>({ href, name, columns, rows, caption }: { href: string | undefined; name: string; columns: Column<T>[]; rows: readonly T[]; caption: string }) {
  const own = (): void =>
    save(
      name,
      csv(
        columns.filter((c) => c.value).map((c) => c.label),
        rows.map((r) => columns.filter((c) => c.value).map((c) => c.value?.(r) ?? null)),
      ),
      'text/csv',
    );
  if (!href)
    return (
      <button type="button" class="csv" onClick={own} aria-label={`CSV of: ${caption}`}>
        CSV
      </button>
    );
  /* a link carries no token: with one, the page fetches the file itself */
  const withToken = (e: Event): void => {
    if (!token.value) return;
    e.preventDefault();
    void request(href).then(async (r) => save(name, await r.text(), 'text/csv'));
  };
  return (
    <a class="csv" href={href} download={name} onClick={withToken} aria-label={`CSV of: ${caption}`}>
      CSV
    </a>
  );
}

export function Table<T>(props: Props<T>) {
  const { id, caption, columns, rows, rowKey, pageSize = 25, rowHref, selected } = props;
  const grid = useRef<HTMLTableElement>(null);
  const sortKey = `${id}.sort`;
  const pageKey = `${id}.page`;
  const sort = param(sortKey) ?? '';
  const sorted = sort.replace(/^-/, '');
  const column = columns.find((c) => c.key === sorted && c.value);
  const sign = sort.startsWith('-') ? -1 : 1;
  const value = column?.value;
  const ordered = value ? [...rows].sort((a, b) => compare(value(a), value(b), sign)) : rows;
  const pages = Math.max(1, Math.ceil(ordered.length / pageSize));
  const page = Math.min(pages, Math.max(1, paramInt(pageKey, 1)));
  const first = (page - 1) * pageSize;
  const shown = ordered.slice(first, first + pageSize);
  const numeric = columns.map((c) => !c.text);

  /* up, down, and back to the order in which the rows came */
  const nextSort = (c: Column<T>): string | null => {
    const down = `-${c.key}`;
    const steps = c.text ? [c.key, down, null] : [down, c.key, null];
    const at = steps.indexOf(sort);
    return steps[at < 0 ? 0 : (at + 1) % 3] ?? null;
  };

  /* the cell that Tab led to may have gone with its row */
  useLayoutEffect(() => {
    const t = grid.current;
    if (t && !t.querySelector('[tabindex="0"]')) (t.querySelector('th button') ?? t.querySelector('th'))?.setAttribute('tabindex', '0');
  });

  const onKeyDown = (e: KeyboardEvent): void => {
    const table = grid.current;
    const cell = e.target instanceof Element ? e.target.closest<HTMLTableCellElement>('th,td') : null;
    if (!table || !cell || e.altKey || e.metaKey) return;
    const lines = [...table.rows];
    const r = lines.indexOf(cell.parentElement as HTMLTableRowElement);
    const c = cell.cellIndex;
    const last = (lines[r]?.cells.length ?? 1) - 1;
    const to: Record<string, [number, number]> = {
      ArrowDown: [r + 1, c],
      ArrowUp: [r - 1, c],
      ArrowRight: [r, c + 1],
      ArrowLeft: [r, c - 1],
      Home: [e.ctrlKey ? 0 : r, 0],
      End: [e.ctrlKey ? lines.length - 1 : r, last],
      PageDown: [Math.min(r + 10, lines.length - 1), c],
      PageUp: [Math.max(r - 10, 0), c],
    };
    const next = to[e.key];
    if (!next) return;
    const found = lines[next[0]]?.cells[next[1]];
    e.preventDefault();
    if (!found) return;
    for (const el of table.querySelectorAll('[tabindex="0"]')) el.setAttribute('tabindex', '-1');
    const inner = found.querySelector<HTMLElement>('a,button') ?? found;
    inner.setAttribute('tabindex', '0');
    inner.focus();
  };

  const onRowClick = (e: MouseEvent, row: T): void => {
    if (!rowHref || (e.target instanceof Element && e.target.closest('a,button')) || getSelection()?.toString()) return;
    const h = rowHref(row);
    if (h) go(h);
  };

  const name = `${props.csvName ?? id}.csv`;
  return (
    <div class="table">
      <div class="table-head">
        {props.showCaption ? <span class="table-title">{caption}</span> : null}
        {rows.length > pageSize ? (
          <nav class="pager" aria-label={`Pages of: ${caption}`}>
            <button type="button" disabled={page <= 1} onClick={() => setParams({ [pageKey]: page > 2 ? String(page - 1) : null }, true)} aria-label="Previous page">
              ‹
            </button>
            <span>
              {first + 1}–{first + shown.length} of {rows.length}
            </span>
            <button type="button" disabled={page >= pages} onClick={() => setParams({ [pageKey]: String(page + 1) }, true)} aria-label="Next page">
              ›
            </button>
          </nav>
        ) : null}
        {rows.length > 0 ? <CsvLink href={props.csvHref} name={name} columns={columns} rows={ordered} caption={caption} /> : null}
      </div>
      {rows.length === 0 ? (
        <div class="empty">{props.empty ?? 'Nothing here.'}</div>
      ) : (
        <div class="scroll">
          <table ref={grid} role="grid" aria-label={caption} onKeyDown={onKeyDown}>
            <thead>
              <tr>
                {columns.map((c, i) => (
                  <th
                    key={c.key}
                    scope="col"
                    class={numeric[i] ? 'n' : undefined}
                    aria-sort={c === column ? (sign < 0 ? 'descending' : 'ascending') : undefined}
                    tabIndex={c.value ? undefined : -1}
                    data-f={c.value ? undefined : c.f}
                  >
                    {c.value ? (
                      <button type="button" tabIndex={i === 0 ? 0 : -1} data-f={c.f} onClick={() => setParams({ [sortKey]: nextSort(c), [pageKey]: null }, true)}>
                        {c.label}
                        <span class="sort" aria-hidden="true">
                          {c === column ? (sign < 0 ? '▾' : '▴') : ''}
                        </span>
                      </button>
                    ) : (
                      c.label
                    )}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {shown.map((row) => {
                const k = rowKey(row);
                return (
                  <tr
                    key={k}
                    class={rowHref ? 'link' : undefined}
                    aria-selected={selected === undefined ? undefined : k === selected}
                    onClick={(e) => onRowClick(e, row)}
                  >
                    {columns.map((c, i) => (
                      <td key={c.key} class={numeric[i] ? 'n' : undefined} tabIndex={-1}>
                        {c.cell(row)}
                      </td>
                    ))}
                  </tr>
                );
              })}
            </tbody>
            {props.foot ? <tfoot>{props.foot}</tfoot> : null}
          </table>
        </div>
      )}
    </div>
  );
}

/** A link in a cell: reached with the arrow keys, so no stop of its own. */
export const CellLink = ({ href, children }: { href: string; children: ComponentChildren }) => (
  <a href={href} tabIndex={-1}>
    {children}
  </a>
);
