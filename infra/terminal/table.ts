import { Table } from 'console-table-printer';

/** The cells of a row by column; undefined or empty where there is nothing to say. */
export type Row = Readonly<Record<string, string | number | undefined>>;

/** A table without the columns that say nothing. @param right the columns of numbers */
export function tableOf(rows: readonly Row[], right: readonly string[] = []): string {
  const names = Object.keys(rows[0] ?? {}).filter((name) => rows.some((cells) => (cells[name] ?? '') !== ''));
  const columns = names.map(
    (name) => ({ name, alignment: right.includes(name) ? 'right' : 'left' }) as const,
  );
  const table = new Table({ shouldDisableColors: true, columns });
  for (const cells of rows) table.addRow(Object.fromEntries(names.map((name) => [name, cells[name] ?? ''])));
  return table.render();
}

/** A moment (ISO 8601, UTC) to the minute, with its date. */
export function minuteOf(moment: string): string {
  return moment.slice(0, 16).replace('T', ' ');
}
