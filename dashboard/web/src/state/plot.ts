// Small charts as SVG paths. Pure. x and y are in the drawing's own units, y downwards.

import type { HourBar } from '../api/types.ts';

/** A bucket's value. Without one it is a break; not `watched` either, nobody can say what happened. */
export interface Point { time: number; value: number | null; watched: boolean }

export interface Box { from: number; to: number; low: number; high: number; width: number; height: number }

/** A line that is broken where there is no value. A value alone between two gaps is a short stroke. */
export function linePath(points: readonly Point[], box: Box): string {
  let path = '';
  let pen = false;
  for (const { time, value } of points) {
    if (value === null) {
      pen = false;
      continue;
    }
    path += `${pen ? 'L' : 'M'}${xy(time, value, box)}${pen ? '' : 'h.01'}`;
    pen = true;
  }
  return path;
}

export function xy(time: number, value: number, box: Box): string {
  return `${round(x(time, box))} ${round(y(value, box))}`;
}

export function x(time: number, { from, to, width }: Box): number {
  return ((time - from) / (to - from)) * width;
}

function y(value: number, { low, high, height }: Box): number {
  return height - ((value - low) / (high - low)) * height;
}

/** Stretches that nobody watched, as `[x, width]`. `step` is the length of a bucket. */
export function gaps(points: readonly Point[], step: number, box: Box): [number, number][] {
  const found: [number, number][] = [];
  for (const { time, value, watched } of points) {
    if (value !== null || watched) continue;
    const start = round(x(Math.max(time, box.from), box));
    const end = round(x(Math.min(time + step, box.to), box));
    const last = found.at(-1);
    if (last && Math.abs(last[0] + last[1] - start) < 0.01) last[1] = round(end - last[0]);
    else if (end > start) found.push([start, round(end - start)]);
  }
  return found;
}

/** Round numbers around the values, at least `span` apart, with a round one in the middle. */
export function range(values: readonly number[], span: number): [number, number] {
  const low = values.length ? Math.min(...values) : 0;
  const high = Math.max(values.length ? Math.max(...values) : 0, low + span);
  const unit = UNITS.find((unit) => (high - low) / unit <= 4) ?? 10_000;
  const bottom = Math.floor(low / unit) * unit;
  return [bottom, bottom + 2 * unit * Math.ceil((high - bottom) / (2 * unit))];
}

const UNITS = [1, 2, 5, 10, 20, 25, 50, 100, 250, 500, 1000, 2500, 5000];

export interface Bars { into: string; out: string; gaps: [number, number][]; axis: number; width: number }

/** Width of an hour in the drawing. */
export const HOUR_WIDTH = 10;
/** Height of the drawing. */
export const BARS_HEIGHT = 48;
const BAR_WIDTH = 7;
/** Free space between the two rows of bars, around the axis. */
const AXIS_GAP = 2;
const WATCHED = 0.999;

/** In above the axis, out below it, both to one scale; what was not watched is left for hatching. */
export function hourBars(hours: readonly HourBar[], slots: number): Bars {
  const most = (pick: (hour: HourBar) => number | null) => Math.max(0, ...hours.map((hour) => pick(hour) ?? 0));
  const up = most((hour) => hour.in);
  const down = most((hour) => hour.out);
  const scale = (BARS_HEIGHT - AXIS_GAP) / Math.max(up + down, 1);
  const axis = up + down === 0 ? BARS_HEIGHT / 2 : up * scale + AXIS_GAP / 2;
  const bars: Bars = { into: '', out: '', gaps: [], axis: round(axis), width: slots * HOUR_WIDTH };
  hours.forEach((hour, at) => {
    const left = at * HOUR_WIDTH + (HOUR_WIDTH - BAR_WIDTH) / 2;
    const bar = (top: number, height: number) => `M${left} ${round(top)}h${BAR_WIDTH}v${round(height)}h-${BAR_WIDTH}z`;
    if (hour.in) bars.into += bar(axis - AXIS_GAP / 2 - hour.in * scale, hour.in * scale);
    if (hour.out) bars.out += bar(axis + AXIS_GAP / 2, hour.out * scale);
    if (hour.coverage < WATCHED) bars.gaps.push(hourGap(hours, at));
  });
  return bars;
}

/** Only the share of an hour is known, not where in it: the gap lies beside its like, so that one gap looks like one. */
function hourGap(hours: readonly HourBar[], at: number): [number, number] {
  const share = 1 - (hours[at] as HourBar).coverage;
  const width = Math.max(share * HOUR_WIDTH, 1);
  const next = hours[at + 1];
  const before = hours[at - 1];
  const right = next ? next.coverage < WATCHED : !(before && before.coverage < WATCHED);
  return [round(at * HOUR_WIDTH + (right ? HOUR_WIDTH - width : 0)), round(width)];
}

/** Where the day begins to be worth showing on any of the lanes, but at least `least` hours. */
export function firstHour(lanes: readonly (readonly HourBar[])[], least: number): number {
  const worth = (hour: HourBar) => Boolean(hour.in) || Boolean(hour.out) || hour.coverage < WATCHED;
  const firsts = lanes.map((hours) => hours.findIndex(worth)).filter((at) => at >= 0);
  const longest = Math.max(0, ...lanes.map((hours) => hours.length));
  return Math.max(0, Math.min(...firsts, longest - least));
}

function round(n: number): number {
  return Math.round(n * 100) / 100;
}
