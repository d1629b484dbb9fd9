import { describe, expect, it } from 'vitest';
import { alert, row } from '../test/fixtures.ts';
import { address, choice, questions } from './chart.ts';
import { counts } from './counts.ts';
import { commonZone, headcountIncomplete, incomplete, sums } from './fleet.ts';
import { fitting, pageAt } from './wall.ts';

describe('the sites together', () => {
  const people = (state: 'fresh' | 'offline') => ({ id: 'people', kind: 'people' as const, in: 1, out: 1, state });
  const known = { estimate: 10, low: 8, high: 12, since: '', unclear: 0, unwatched_s: 0 };

  it('add up; excused rounds are not asked for, zones that are not used neither', () => {
    const sites = [
      row('a', { headcount: known, today: { in: 5, out: 2, unclear: 0 }, zones: [{ id: 'living', used: true, verdicts: ['done', 'late', 'missed', 'excused', 'running', 'unknown'] }] }),
      row('b', { units_online: 0, units_total: 2, zones: [{ id: 'living', used: false, verdicts: ['due'] }] }),
    ];
    expect(sums(sites)).toEqual({
      headcount: 10, headcountGaps: 1, in: 5, out: 2, unitsOnline: 1, unitsTotal: 3,
      rounds: { done: 2, due: 1, missed: 1, unknown: 1, all: 5 },
    });
  });
  it('a headcount is incomplete where a people lane is not watched, or nobody can say the band', () => {
    expect(headcountIncomplete(row('a', { headcount: known, lanes: [people('fresh')] }))).toBe(false);
    expect(headcountIncomplete(row('a', { headcount: known, lanes: [people('offline')] }))).toBe(true);
    expect(headcountIncomplete(row('a', { headcount: { ...known, low: null, high: null } }))).toBe(true);
  });
  it('a site is incomplete where a verdict is unknown', () => {
    expect(incomplete(row('a'))).toBe(false);
    expect(incomplete(row('a', { zones: [{ id: 'living', used: true, verdicts: ['unknown'] }] }))).toBe(true);
  });
  it('count their open alerts, and whether the worst calls', () => {
    const sites = [
      row('a', { alerts: { critical: 0, major: 2, minor: 1, unacknowledged: 3 }, worst: alert(1, 'major') }),
      row('b', { alerts: { critical: 1, major: 0, minor: 0, unacknowledged: 0 }, worst: alert(2, 'critical', { state: 'acknowledged' }) }),
    ];
    expect(counts(sites)).toEqual({
      critical: 1, major: 2, minor: 1, all: 4, unacknowledged: 3,
      unanswered: { critical: false, major: true, minor: false },
    });
  });
  it('share a clock, or the viewer’s is used', () => {
    expect(commonZone([row('a'), row('b')], 'UTC')).toBe('Asia/Shanghai');
    expect(commonZone([row('a'), row('b', { time_zone: 'Europe/Paris' })], 'UTC')).toBe('UTC');
    expect(commonZone([], 'UTC')).toBe('UTC');
  });
});

describe('a wall', () => {
  it('shows the worst that fit', () => {
    const calls = Array.from({ length: 6 }, (_, id) => alert(id, 'major'));
    expect(fitting(calls)).toHaveLength(4);
    expect(fitting(calls.map((each) => ({ ...each, severity: 'minor' as const })))).toHaveLength(6);
  });
  it('turns its page every 20 s unless somebody is needed', () => {
    expect([0, 19_999, 20_000, 40_000].map((time) => pageAt(time, 2, false))).toEqual([0, 0, 1, 0]);
    expect(pageAt(20_000, 2, true)).toBe(0);
  });
});

describe('a chart’s choice', () => {
  const site = row('a', {
    lanes: [{ id: 'north', kind: 'car', in: 0, out: 0, state: 'fresh' }, { id: 'walk', kind: 'people', in: 0, out: 0, state: 'fresh' }],
    zones: [{ id: 'management', used: false, verdicts: [] }, { id: 'living', used: true, verdicts: [] }],
  });
  const of = (query: string) => choice(new URLSearchParams(query), [site]);

  it('is completed to what the site has', () => {
    expect(of('')).toMatchObject({ site: 'a', metric: 'passages', lane: 'north', dir: null, zone: null, range: '24h' });
    expect(of('metric=skin_c&lane=north')).toMatchObject({ lane: 'walk' });
    expect(of('metric=ambient_c&range=99y')).toMatchObject({ zone: 'living', lane: null, range: '24h' });
    expect(choice(new URLSearchParams(), [])).toBeNull();
  });
  it('stands whole in the address', () => {
    const chosen = of('metric=passages&lane=walk&dir=out&range=7d');
    const query = new URLSearchParams(Object.entries(address(chosen!)).filter((entry): entry is [string, string] => entry[1] !== null));
    expect(of(query.toString())).toEqual(chosen);
  });
  it('asks for both directions, each its own line', () => {
    const now = Date.parse('2026-06-24T06:00:00Z');
    expect(questions(of('lane=walk')!, now).map(({ query }) => query)).toEqual([
      { metric: 'passages', lane: 'walk', dir: 'in', from: '2026-06-23T06:00:00.000Z', to: '2026-06-24T06:00:00.000Z', step: '5m' },
      { metric: 'passages', lane: 'walk', dir: 'out', from: '2026-06-23T06:00:00.000Z', to: '2026-06-24T06:00:00.000Z', step: '5m' },
    ]);
    expect(questions(of('metric=ambient_c&sensor=yard-env')!, now)[0]?.query).toMatchObject({ zone: 'living', sensor: 'yard-env' });
  });
});
