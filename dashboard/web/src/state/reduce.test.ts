import { describe, expect, it } from 'vitest';
import { alert, lane, row, snapshot } from '../test/fixtures.ts';
import { apply, type Change } from './reduce.ts';

/** The changes that lead from one snapshot to another, as the hub would send them. */
function changes(before: Record<string, unknown>, after: Record<string, unknown>): Change[] {
  const found: Change[] = [];
  for (const [field, value] of Object.entries(after)) {
    const list = collection(value);
    const old = collection(before[field]);
    if (!list || !old) {
      if (JSON.stringify(before[field]) !== JSON.stringify(value)) found.push(['', field, value]);
      continue;
    }
    for (const item of old) if (!list.some(({ id }) => id === item.id)) found.push([`${field}/${item.id}`, null, null]);
    for (const item of list) {
      const known = old.find(({ id }) => id === item.id) ?? {};
      for (const [name, now] of Object.entries(item)) {
        if (name !== 'id' && JSON.stringify((known as Record<string, unknown>)[name]) !== JSON.stringify(now)) {
          found.push([`${field}/${item.id}`, name, now]);
        }
      }
    }
  }
  return found;
}

function collection(value: unknown): ({ id: string | number } & Record<string, unknown>)[] | null {
  return Array.isArray(value) && value.every((item) => typeof item === 'object' && item !== null && 'id' in item) ? value : null;
}

describe('apply(snapshot, delta) is the later snapshot', () => {
  const before = snapshot({ lanes: [lane('people'), lane('car')], alerts: [alert(7, 'minor'), alert(8, 'major')] });
  const cases = {
    'nothing': before,
    'a field of the site': { ...before, local_date: '2026-06-25', headcount: { estimate: 3, low: null, high: null, since: '', unclear: 0, unwatched_s: 0 } },
    'two fields of one item, one of another': {
      ...before,
      lanes: [{ ...lane('people'), in: 5, out: 2 }, { ...lane('car'), state: 'late' as const }],
    },
    'an item more and an item less': { ...before, alerts: [alert(8, 'major', { state: 'acknowledged' }), alert(9, 'critical')] },
    'an emptied collection': { ...before, alerts: [] },
  };
  for (const [name, after] of Object.entries(cases)) {
    it(name, () => {
      expect(apply(before, changes(before as never, after as never))).toEqual(after);
    });
  }

  it('rows of a fleet', () => {
    const fleet = { sites: [row('a'), row('b')] };
    const later = { sites: [row('b', { waiting: 4 }), row('c')] };
    expect(apply(fleet, changes(fleet, later))).toEqual(later);
  });
});

describe('identity', () => {
  it('stays where nothing changed, and the snapshot before is untouched', () => {
    const before = snapshot({ lanes: [lane('people'), lane('car')] });
    const frozen = JSON.stringify(before);
    const after = apply(before, [['lanes/car', 'in', 9], ['lanes/car', 'out', 1]]);
    expect(JSON.stringify(before)).toBe(frozen);
    expect(after.zones).toBe(before.zones);
    expect(after.lanes[0]).toBe(before.lanes[0]);
    expect(after.lanes[1]).toMatchObject({ in: 9, out: 1 });
  });

  it('an alert made by a delta has a number for its id', () => {
    const after = apply(snapshot(), [['alerts/12', 'severity', 'minor']]);
    expect(after.alerts).toEqual([{ id: 12, severity: 'minor' }]);
  });

  it('an item that goes and comes back in one delta begins anew', () => {
    const after = apply(snapshot({ alerts: [alert(7, 'minor', { count: 3 })] }), [
      ['alerts/7', 'count', 4], ['alerts/7', null, null], ['alerts/7', 'severity', 'major'],
    ]);
    expect(after.alerts).toEqual([{ id: 7, severity: 'major' }]);
  });

  it('a collection that is replaced as a whole wins over what came before it', () => {
    const after = apply(snapshot(), [['lanes/people', 'in', 5], ['', 'lanes', [lane('car')]], ['lanes/car', 'in', 6]]);
    expect(after.lanes).toEqual([{ ...lane('car'), in: 6 }]);
  });

  it('removing what is not there changes nothing', () => {
    expect(apply(snapshot(), [['units/gate-9', null, null]])).toEqual(snapshot());
  });
});
