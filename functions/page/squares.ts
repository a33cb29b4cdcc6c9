import { formatCount, type Html, html } from './html.ts';
import type { Counts, Overview, ShownGuest } from './overview.ts';

/** The kinds of guests, in the order of their squares. */
const KINDS = ['unreachable', 'recovering', 'apart', 'unknown', 'reachable'] as const;
type Kind = (typeof KINDS)[number];

const NAMES: Readonly<Record<Kind, string>> = {
  unreachable: 'unreachable',
  recovering: 'reachable again, not yet stable',
  apart: 'silent, counted apart',
  unknown: 'without a verdict',
  reachable: 'reachable',
};

/** A square's width in pixels, gap included, from how many guests on. */
const PITCHES = { 3: 20_000, 5: 2_000, 10: 500, 16: 0 };

/** For more guests no squares are drawn, only counts: the page must stay small whatever the state says. */
const MAX_SQUARES = 100_000;

/** In pixels. */
const MAX_WIDTH = 960;

/** Unreachable guests whose square has a title. All other squares of a kind are one path. */
const MAX_LABELLED = 500;

/** One square for each guest, by kind, and the count of each kind. Kinds differ in shape as well as in colour. */
export function squares({ unreachable, counts }: Overview): Html {
  if (counts.total === 0) return html``;
  const isShown = (kind: Kind) => counts[kind] > 0 || kind === 'unreachable';
  const isSaid = (kind: Kind) => counts[kind] > 0 || kind !== 'apart';
  const list = html`<ul class="legend">${KINDS.filter(isShown).map((kind) => legend(kind, counts[kind]))}</ul>`;
  if (counts.total > MAX_SQUARES) return list;
  const grid = gridOf(counts.total);
  const label = KINDS.filter(isSaid)
    .map((kind) => `${counts[kind]} ${NAMES[kind]}`)
    .join(', ');
  const [width, height] = [grid.columns * grid.pitch, Math.ceil(counts.total / grid.columns) * grid.pitch];
  const labelled = [...unreachable.values()].flat().slice(0, MAX_LABELLED);
  const squareOf = ({ id, name, reason }: ShownGuest, index: number) =>
    line(grid, 'unreachable', index, index + 1, html`<title>${name ?? id}: ${reason}</title>`);
  return html`${list}
<svg class="squares" role="img" aria-label="${label}" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">
${labelled.map(squareOf)}${groups(grid, counts, labelled.length)}</svg>`;
}

type Grid = ReturnType<typeof gridOf>;

function gridOf(total: number) {
  const [narrowest] = Object.entries(PITCHES).filter(([, from]) => total >= from);
  const pitch = Number(narrowest?.[0]);
  return { pitch, columns: Math.min(total, Math.floor(MAX_WIDTH / pitch)) };
}

/** All squares of a kind are one path with a dashed line for each row, so that ten thousand squares take 2 kB. */
function groups(grid: Grid, counts: Counts, drawn: number): Html[] {
  const paths: Html[] = [];
  let start = 0;
  for (const kind of KINDS) {
    const end = start + counts[kind];
    if (kind === 'unreachable') start = drawn;
    if (end > start) paths.push(line(grid, kind, start, end));
    start = end;
  }
  return paths;
}

function line(grid: Grid, kind: Kind, start: number, end: number, title?: Html): Html {
  const { columns, pitch } = grid;
  const { side, height, offset } = shape(kind, pitch);
  let path = '';
  for (let at = start; at < end; ) {
    const [row, column] = [Math.floor(at / columns), at % columns];
    const count = Math.min(end - at, columns - column);
    path += `M${column * pitch + offset} ${middle(row, pitch)}h${(count - 1) * pitch + side}`;
    at += count;
  }
  return html`<path class="${kind}" stroke-width="${height}" stroke-dasharray="${side} ${pitch - side}" d="${path}">${title}</path>`;
}

/** Of a square, in pixels: an unreachable guest's is large, a reachable one's small, the others' are flat. */
function shape(kind: Kind, pitch: number): { side: number; height: number; offset: number } {
  const full = pitch - Math.max(1, Math.floor(pitch / 5));
  const inset = Math.floor(pitch / 5);
  if (kind === 'reachable') return { side: full - 2 * inset, height: full - 2 * inset, offset: inset };
  return { side: full, offset: 0, height: kind === 'unreachable' ? full : Math.ceil(full / 3) };
}

function middle(row: number, pitch: number): number {
  return row * pitch + shape('unreachable', pitch).height / 2;
}

function legend(kind: Kind, count: number): Html {
  const grid = { columns: 1, pitch: 16 };
  const { height } = shape('unreachable', grid.pitch);
  const sample = html`<svg aria-hidden="true" width="${height}" height="${height}">${line(grid, kind, 0, 1)}</svg>`;
  return html`<li>${sample} <b>${formatCount(count)}</b> ${NAMES[kind]}</li>`;
}
