// The chart's settings for uPlot: the site's time on the axis, gaps as gaps, hatching where nobody watched.

import uPlot from 'uplot';
import type { Row } from '../../api/client.ts';
import type { Format } from '../../i18n/format.ts';
import { hatch, type Palette } from './palette.ts';

export interface Line { label: string; rows: Row[] }

export interface Drawing {
  lines: Line[];
  /** Length of a bucket, milliseconds. */
  step: number;
  /** Counts are steps over their bucket, measures are a line. */
  counted: boolean;
  zone: string;
}

const WATCHED = 0.999;
/** Height of the strip that shows coverage, CSS pixels. */
const STRIP = 10;
const FONT = '12px system-ui, sans-serif';
const DAY_S = 86_400;
/** Distances between ticks of what comes in whole numbers. */
const WHOLE = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000];

/** Times in seconds, then each line's values; a measured line alone brings its lowest and highest too. */
export function data({ lines, counted }: Drawing): uPlot.AlignedData {
  const [first] = lines;
  const rows = first?.rows ?? [];
  const columns: (number | null)[][] = lines.map((line) => line.rows.map(({ value }) => value));
  if (banded({ lines, counted })) columns.push(rows.map(({ max }) => max), rows.map(({ min }) => min));
  return [rows.map(({ time }) => time / 1000), ...columns];
}

export function banded({ lines, counted }: Pick<Drawing, 'lines' | 'counted'>): boolean {
  return !counted && lines.length === 1 && (lines[0]?.rows.some(({ min, max }) => min !== null && max !== null) ?? false);
}

export function options(
  drawing: Drawing, colours: Palette, format: Format, size: { width: number; height: number },
  onCursor: (at: number | null) => void,
): uPlot.Options {
  const { lines, counted, zone } = drawing;
  const stepped = uPlot.paths.stepped?.({ align: 1 });
  const band = banded(drawing);
  const axis = { stroke: colours.muted, font: FONT, grid: { stroke: colours.line, width: 1 }, ticks: { stroke: colours.line, width: 1 } };
  const series: uPlot.Series[] = lines.map(({ label }, at) => ({
    label,
    stroke: at === 0 ? colours.line1 : colours.line2,
    width: 2,
    spanGaps: false,
    ...(at === 1 ? { dash: [6, 4] } : {}),
    ...(counted && stepped ? { paths: stepped } : {}),
    points: counted ? { show: false } : { show: true, size: 5, filter: alone },
  }));
  const silent: uPlot.Series = { points: { show: false }, width: 0, spanGaps: false };
  return {
    ...size,
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), zone),
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false } },
    scales: {
      x: { time: true },
      y: { range: (_plot, low, high) => bounds(low, high, counted) },
    },
    axes: [
      { ...axis, space: 70, values: (_plot, splits) => ticks(splits, zone, format) },
      { ...axis, size: 52, ...(counted ? { incrs: WHOLE } : {}), values: (_plot, splits) => splits.map((value) => (Number.isInteger(value) ? format.count(value) : format.tenth(value))) },
    ],
    series: [{}, ...series, ...(band ? [silent, silent] : [])],
    ...(band ? { bands: [{ series: [2, 3] as [number, number], fill: colours.band }] } : {}),
    hooks: {
      drawClear: [(plot) => coverage(plot, drawing, colours)],
      setCursor: [(plot) => onCursor(plot.cursor.idx ?? null)],
    },
  };
}

/** A value between two gaps draws no line: it is a dot. */
function alone(plot: uPlot, index: number): number[] {
  const values = plot.data[index] ?? [];
  const known = (at: number) => values[at] !== null && values[at] !== undefined;
  return [...values.keys()].filter((at) => known(at) && !known(at - 1) && !known(at + 1));
}

/** Counts begin at 0; a flat line is not at the frame's edge. */
function bounds(low: number | null, high: number | null, counted: boolean): [number, number] {
  const bottom = counted ? 0 : (low ?? 0);
  const top = Math.max(high ?? 1, bottom + 1);
  const margin = (top - bottom) * 0.08;
  return [counted ? 0 : bottom - margin, top + margin];
}

/** The day where it begins or where ticks are days apart, the time everywhere else. */
function ticks(splits: number[], zone: string, format: Format): string[] {
  const apart = (splits[1] ?? 0) - (splits[0] ?? 0);
  return splits.map((seconds) => {
    const at = seconds * 1000;
    const time = format.time(at, zone);
    return apart >= DAY_S / 2 || time === '00:00' ? format.day(at, zone) : time;
  });
}

/** The strip at the bottom: hatched where not all of a bucket was watched; all the height where nothing is known. */
function coverage(plot: uPlot, { lines, step }: Drawing, colours: Palette): void {
  const { ctx, bbox } = plot;
  const pattern = hatch(ctx, colours.ctl, devicePixelRatio);
  if (!pattern) return;
  const strip = STRIP * devicePixelRatio;
  const edge = (time: number) => {
    const x = plot.valToPos(time / 1000, 'x', true);
    return Math.min(Math.max(x, bbox.left), bbox.left + bbox.width);
  };
  ctx.save();
  ctx.fillStyle = pattern;
  for (const { time, value, coverage } of lines[0]?.rows ?? []) {
    if (coverage >= WATCHED) continue;
    const left = edge(time);
    const width = edge(time + step) - left;
    const height = value === null && coverage === 0 ? bbox.height : strip;
    ctx.fillRect(left, bbox.top + bbox.height - height, width, height);
  }
  ctx.restore();
}
