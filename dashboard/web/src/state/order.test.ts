import { describe, expect, it } from 'vitest';
import { alert, row, slot, snapshot, zone } from '../test/fixtures.ts';
import { sitesWorstFirst, worstFirst } from './order.ts';
import { todo } from './todo.ts';
import { unitsWorstFirst } from './units.ts';
import type { Unit } from '../api/types.ts';

const at = (minute: number) => `2026-06-24T06:${String(minute).padStart(2, '0')}:00Z`;

describe('alerts', () => {
  it('severity, then unanswered, then the oldest, then the id', () => {
    const alerts = [
      alert(1, 'minor', { raised_at: at(0) }),
      alert(2, 'major', { raised_at: at(1), state: 'acknowledged' }),
      alert(3, 'major', { raised_at: at(9) }),
      alert(4, 'major', { raised_at: at(5) }),
      alert(6, 'critical', { raised_at: at(30) }),
      alert(5, 'critical', { raised_at: at(30) }),
    ];
    expect(worstFirst(alerts).map(({ id }) => id)).toEqual([5, 6, 4, 3, 2, 1]);
  });
});

describe('sites', () => {
  it('by their worst alert, those without one last, by id', () => {
    const sites = [
      row('calm-b'),
      row('calm-a'),
      row('minor', { worst: alert(1, 'minor') }),
      row('answered', { worst: alert(2, 'major', { state: 'acknowledged' }) }),
      row('major', { worst: alert(3, 'major') }),
      row('critical', { worst: alert(4, 'critical') }),
    ];
    expect(sitesWorstFirst(sites).map(({ id }) => id)).toEqual(['critical', 'major', 'answered', 'minor', 'calm-a', 'calm-b']);
  });
});

describe('units', () => {
  it('the silent first, then those with faults', () => {
    const unit = (id: string, state: Unit['state'], rest: Partial<Unit> = {}): Unit => ({
      id, state, contact_at: null, data_at: null, interval_s: 10, waiting: 0, catching_up: false, clock: null,
      version: null, lanes: [], zones: [], faults: [], lost: 0, logs: [], ...rest,
    });
    const units = [
      unit('b', 'online'), unit('a', 'online'), unit('lossy', 'online', { lost: 3 }),
      unit('late', 'late'), unit('offline', 'offline'), unit('never', 'no_data_yet'),
    ];
    expect(unitsWorstFirst(units).map(({ id }) => id)[0]).toBe('offline');
    expect(unitsWorstFirst(units).map(({ id }) => id).slice(-3)).toEqual(['lossy', 'a', 'b']);
  });
});

describe('to do', () => {
  const site = snapshot({
    zones: [
      zone('living', [slot('living', 1, '08:00', '11:00', 'missed'), slot('living', 2, '14:00', '17:00', 'due')]),
      zone('isolation', [slot('isolation', 2, '13:00', '15:00', 'running')]),
      zone('management', [slot('management', 2, '14:00', '16:00', 'due')], { used: false }),
    ],
    alerts: [
      alert(1, 'minor'), alert(2, 'major', { state: 'acknowledged' }), alert(3, 'major'), alert(4, 'critical'),
      alert(5, 'minor', { state: 'resolved' }),
    ],
  });
  const list = todo(site);

  it('groups by when a person is needed', () => {
    expect(list.now.map(({ id }) => id)).toEqual([4, 3]);
    expect(list.inHand.map(({ id }) => id)).toEqual([2]);
    expect(list.shift.map(({ id }) => id)).toEqual([1]);
  });

  it('has the rounds that are due, the nearest end first, of zones in use', () => {
    expect(list.slots.map(({ id }) => id)).toEqual(['isolation-2026-06-24-2', 'living-2026-06-24-2']);
  });
});
