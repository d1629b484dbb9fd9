// What the chart page shows: all of it stands in the address, so that a link can be shared. Pure.

import type { Row } from '../api/client.ts';
import { ZONES, type SiteRow, type Zone } from '../api/types.ts';

export const METRICS = ['passages', 'headcount', 'skin_c', 'ambient_c', 'litres'] as const;
export type Metric = (typeof METRICS)[number];

export const RANGES = ['1h', '24h', '7d', '30d'] as const;
export type Range = (typeof RANGES)[number];

export const DIRS = ['in', 'out'] as const;
export type Dir = (typeof DIRS)[number];

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** Length and bucket of each range: at most some 300 points. */
const SPANS: Record<Range, { length: number; step: string; step_ms: number }> = {
  '1h': { length: HOUR, step: '1m', step_ms: 60_000 },
  '24h': { length: DAY, step: '5m', step_ms: 300_000 },
  '7d': { length: 7 * DAY, step: '1h', step_ms: HOUR },
  '30d': { length: 30 * DAY, step: '1d', step_ms: DAY },
};

/** What a metric can be narrowed by. */
export const BY: Record<Metric, 'lane' | 'zone' | 'site'> = {
  passages: 'lane', headcount: 'site', skin_c: 'lane', ambient_c: 'zone', litres: 'zone',
};

/** Summed over a bucket, not measured in it. */
export const COUNTED: readonly Metric[] = ['passages', 'litres'];

export interface Choice {
  site: string;
  metric: Metric;
  lane: string | null;
  dir: Dir | null;
  zone: Zone | null;
  sensor: string | null;
  range: Range;
}

/** The address's choice, completed to one that the site can answer. */
export function choice(query: URLSearchParams, sites: readonly SiteRow[]): Choice | null {
  const site = sites.find(({ id }) => id === query.get('site')) ?? sites[0];
  if (!site) return null;
  const metric = known(METRICS, query.get('metric')) ?? 'passages';
  const by = BY[metric];
  const lanes = site.lanes.filter(({ kind }) => metric !== 'skin_c' || kind === 'people');
  const zones = site.zones.filter(({ used }) => used).map(({ id }) => id);
  return {
    site: site.id,
    metric,
    lane: by === 'lane' ? (lanes.find(({ id }) => id === query.get('lane'))?.id ?? lanes[0]?.id ?? null) : null,
    dir: metric === 'passages' ? known(DIRS, query.get('dir')) : null,
    zone: by === 'zone' ? (known(ZONES, query.get('zone')) ?? zones[0] ?? null) : null,
    sensor: query.get('sensor'),
    range: known(RANGES, query.get('range')) ?? '24h',
  };
}

/** The choice as parameters of the page's address. */
export function address({ site, metric, lane, dir, zone, sensor, range }: Choice): Record<string, string | null> {
  return { site, metric, lane, dir, zone, sensor, range };
}

/** The questions to ask, one a line: both directions of a lane are two. */
export function questions(chosen: Choice, now: number): { dir: Dir | null; query: Record<string, string> }[] {
  const { length, step } = SPANS[chosen.range];
  const query: Record<string, string> = {
    metric: chosen.metric,
    from: new Date(now - length).toISOString(),
    to: new Date(now).toISOString(),
    step,
  };
  for (const key of ['lane', 'zone', 'sensor'] as const) {
    const value = chosen[key];
    if (value !== null) query[key] = value;
  }
  const dirs: (Dir | null)[] = chosen.metric !== 'passages' ? [null] : chosen.dir ? [chosen.dir] : ['in', 'out'];
  return dirs.map((dir) => ({ dir, query: dir ? { ...query, dir } : query }));
}

export function bucketOf(range: Range): number {
  return SPANS[range].step_ms;
}

/** The lowest and the highest value of all lines; `null` if there is none. */
export function extremes(lines: readonly (readonly Row[])[]): [number, number] | null {
  const values = lines.flatMap((rows) => rows.flatMap(({ value }) => (value === null ? [] : [value])));
  return values.length > 0 ? [Math.min(...values), Math.max(...values)] : null;
}

function known<T extends string>(all: readonly T[], text: string | null): T | null {
  return all.find((each) => each === text) ?? null;
}
