import { describe, expect, it } from 'vitest';
import { rows } from '../api/client.ts';
import type { HourBar } from '../api/types.ts';
import { firstHour, gaps, hourBars, linePath, range, type Box } from './plot.ts';

const box: Box = { from: 0, to: 100, low: 0, high: 10, width: 100, height: 10 };

describe('a line', () => {
  it('is broken where there is no value, never drawn across', () => {
    const points = [0, 10, 20, 30].map((time) => ({ time, value: time === 20 ? null : 5, watched: true }));
    expect(linePath(points, box)).toBe('M0 5h.01L10 5M30 5h.01');
  });
  it('leaves what nobody watched for hatching, one stretch for neighbours', () => {
    const points = [0, 10, 20, 30, 40].map((time) => ({ time, value: time === 30 ? 5 : null, watched: time > 20 }));
    expect(gaps(points, 10, box)).toEqual([[0, 30]]);
  });
  it('lies between round numbers with a round one in the middle', () => {
    expect(range([17.6, 32], 10)).toEqual([15, 35]);
    expect(range([], 10)).toEqual([0, 10]);
    for (const values of [[1.2, 1.3], [-12, 41], [0, 986]]) {
      const [low, high] = range(values, 10);
      expect(low).toBeLessThanOrEqual(Math.min(...values));
      expect(high).toBeGreaterThanOrEqual(Math.max(...values));
      expect(((low + high) / 2) % 1).toBe(0);
    }
  });
});

describe('the hours of a lane', () => {
  const hour = (at: number, into: number | null, out: number | null, coverage = 1): HourBar => ({
    time: new Date(at * 3_600_000).toISOString(), in: into, out, coverage,
  });
  it('stand above and below one axis to one scale', () => {
    const bars = hourBars([hour(0, 30, 16)], 10);
    expect(bars.axis).toBe(31);
    expect(bars.into).toBe('M1.5 0h7v30h-7z');
    expect(bars.out).toBe('M1.5 32h7v16h-7z');
    expect(bars.gaps).toEqual([]);
  });
  it('nobody watched are hatched, one gap beside the next', () => {
    const bars = hourBars([hour(0, 1, 1), hour(1, 1, 1, 0.4), hour(2, null, null, 0)], 10);
    expect(bars.gaps).toEqual([[14, 6], [20, 10]]);
    expect(bars.into).not.toContain('NaN');
  });
  it('survive a day without passages', () => {
    expect(hourBars([], 10)).toMatchObject({ into: '', out: '', axis: 24 });
  });
  it('begin with the first that says something on any lane', () => {
    const quiet = Array.from({ length: 14 }, (_, at) => hour(at, 0, 0));
    const busy = quiet.map((each, at) => (at === 3 ? hour(3, 5, 0) : each));
    expect(firstHour([quiet, busy], 10)).toBe(3);
    expect(firstHour([quiet], 10)).toBe(4);
    expect(firstHour([], 10)).toBe(0);
  });
});

describe('a series', () => {
  it('reads counts and measures alike, by the names of the columns', () => {
    expect(rows({ columns: ['time', 'n', 'coverage'], rows: [['2026-06-24T00:00:00Z', null, 0]] })).toEqual([
      { time: Date.parse('2026-06-24T00:00:00Z'), value: null, min: null, max: null, coverage: 0 },
    ]);
    expect(rows({ columns: ['time', 'n', 'min', 'mean', 'max', 'coverage'], rows: [['2026-06-24T00:00:00Z', 5, 1, 2, 3, 1]] })[0])
      .toMatchObject({ value: 2, min: 1, max: 3, coverage: 1 });
  });
});
