import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BarChart, LineChart } from 'echarts/charts';
import { GridComponent, LegendComponent, TitleComponent } from 'echarts/components';
import { type EChartsCoreOption, init, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import { significant } from './measurement.ts';

use([BarChart, LineChart, GridComponent, LegendComponent, TitleComponent, SVGRenderer]);

/** Where charts are written: beside RESULTS.md and GROWTH.md, which show them. */
const FOLDER = 'charts';

const WIDTH = 820;
/** The width of a letter at most, since the reader's font is not known here, in pixels. */
const LETTER = 7;
const INK = '#1f2328';
const FAINT = '#d1d9e0';
/** Okabe and Ito's colours, which the colour-blind can tell apart, without those that are pale on white. */
const COLOURS = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#d55e00', '#56b4e9'];
const SYMBOLS = ['circle', 'rect', 'triangle', 'diamond', 'emptyCircle', 'emptyRect'];

/** Horizontal bars, in groups that have a heading each. A bar consists of parts, one after the other. */
export interface Bars {
  readonly title: string;
  /** What the length of a bar is, with its unit. */
  readonly axis: string;
  /** The names of the parts, in the legend. */
  readonly parts: readonly string[];
  readonly groups: readonly BarGroup[];
}

export interface BarGroup {
  readonly name: string;
  readonly bars: readonly { readonly name: string; readonly parts: readonly number[] }[];
}

/** Lines over two logarithmic axes, each of which has a name with its unit. */
export interface Lines {
  readonly title: string;
  readonly xAxis: string;
  readonly yAxis: string;
  readonly lines: readonly {
    readonly name: string;
    readonly points: readonly (readonly [x: number, y: number])[];
  }[];
}

/** A chart that is drawn. */
export interface Chart {
  /** Of the file, without `.svg`. */
  readonly name: string;
  /** What the chart shows, for those who cannot see it. */
  readonly alt: string;
  readonly svg: string;
}

/** Writes a chart as `charts/<name>.svg`. @returns Markdown that shows the chart */
export async function writeChart({ name, alt, svg }: Chart): Promise<string> {
  const folder = join(import.meta.dirname, FOLDER);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, `${name}.svg`), svg);
  return `![${alt}](${FOLDER}/${name}.svg)`;
}

/** Draws bars as SVG. The sum of a bar's parts stands at its end. */
export function bars({ title, axis, parts, groups }: Bars): string {
  const rows = groups.flatMap(({ name, bars }) => [{ name, isHeading: true, parts: [] }, ...bars]);
  const sums = rows.map((row) => row.parts.reduce((sum, part) => sum + part, 0));
  const widest = Math.max(...rows.map(({ name }) => name.length));
  const top = parts.length > 1 ? 72 : 48;
  const series = parts.map((name, part) => ({
    name,
    type: 'bar',
    stack: 'bar',
    barWidth: '72%',
    data: rows.map((row) => row.parts[part] ?? '-'),
    label: {
      show: part === parts.length - 1,
      position: 'right',
      color: INK,
      formatter: ({ dataIndex }: { dataIndex: number }) => significant(sums[dataIndex] ?? 0),
    },
  }));
  return draw(title, top + 22 * rows.length + 58, {
    ...titleAndLegend(title, parts.length > 1 ? parts : []),
    grid: { left: 24 + LETTER * widest, right: 56, top, bottom: 52 },
    xAxis: { type: 'value', ...axisStyle(axis), nameGap: 28 },
    yAxis: {
      type: 'category',
      inverse: true,
      data: rows.map(({ name }) => name),
      axisTick: { show: false },
      axisLine: { lineStyle: { color: FAINT } },
      axisLabel: {
        color: INK,
        interval: 0,
        formatter: (name: string, row: number) =>
          rows[row] !== undefined && 'isHeading' in rows[row] ? `{heading|${name}}` : name,
        rich: { heading: { fontWeight: 'bold', color: INK } },
      },
    },
    series,
  });
}

/** Draws lines as SVG. */
export function lines({ title, xAxis, yAxis, lines }: Lines): string {
  const points = lines.flatMap((line) => line.points);
  const label = { axisLabel: { color: INK, formatter: (value: number) => significant(value) } };
  return draw(title, 440, {
    ...titleAndLegend(
      title,
      lines.map(({ name }) => name),
    ),
    grid: { left: 88, right: 40, top: 84, bottom: 56 },
    xAxis: { type: 'log', ...decades(points.map(([x]) => x)), ...axisStyle(xAxis), ...label, nameGap: 32 },
    yAxis: { type: 'log', ...decades(points.map(([, y]) => y)), ...axisStyle(yAxis), ...label, nameGap: 52 },
    series: lines.map(({ name, points }, line) => ({
      name,
      type: 'line',
      data: points,
      symbol: SYMBOLS[line % SYMBOLS.length],
      symbolSize: 8,
    })),
  });
}

/** The powers of ten around some values. */
function decades(values: readonly number[]): { min: number; max: number } {
  const exponents = values.map(Math.log10);
  return { min: 10 ** Math.floor(Math.min(...exponents)), max: 10 ** Math.ceil(Math.max(...exponents)) };
}

function titleAndLegend(title: string, names: readonly string[]): EChartsCoreOption {
  return {
    color: COLOURS,
    title: { text: title, left: 16, top: 12, textStyle: { color: INK, fontSize: 16 } },
    legend: { data: [...names], left: 16, top: 42, itemGap: 32, textStyle: { color: INK } },
  };
}

function axisStyle(name: string): object {
  return {
    name,
    nameLocation: 'middle',
    nameTextStyle: { color: INK },
    axisLabel: { color: INK },
    axisLine: { lineStyle: { color: FAINT } },
    splitLine: { lineStyle: { color: FAINT } },
  };
}

/** On white, so that a reader in dark mode sees the same. */
function draw(title: string, height: number, option: EChartsCoreOption): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height });
  chart.setOption({
    ...option,
    animation: false,
    backgroundColor: '#ffffff',
    textStyle: { fontFamily: 'Helvetica, Arial, sans-serif', fontSize: 12 },
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  // Styles for a pointer are of no use in an image. Ids have the number of charts that this process has drawn.
  const still = svg.replace(/<style.*?<\/style>/s, '').replaceAll(/ (?:class|ecmeta_\w+)="[^"]*"/g, '');
  const spoken = `<title>${title.replaceAll('&', '&amp;').replaceAll('<', '&lt;')}</title>`;
  return `${still.replaceAll(/\bzr\d+-/g, 'zr-').replace('>', `>\n${spoken}`)}\n`;
}
