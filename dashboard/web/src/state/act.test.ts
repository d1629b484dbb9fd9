import { expect, test } from 'vitest';
import type { Alert } from '../api/types.ts';
import { actsOf, isReady, outcomesOf, request, type Said } from './act.ts';

const alert = (over: Partial<Alert>): Alert => ({
  id: 7, kind: 'loss', severity: 'major', state: 'raised', site: 's', subject: { unit: 'gate-1' }, params: {},
  happened_at: '', raised_at: '', count: 1, cleared: false, acknowledged_by: null, acknowledged_at: null,
  resolved_at: null, outcome: null, version: 3, ...over,
});
const fever = (over: Partial<Alert> = {}) =>
  alert({ kind: 'fever_suspected', subject: { unit: 'gate-1', lane: 'people', id: 'b1-people-5' }, ...over });
const said: Said = { by: '', note: '', to: '', hours: 4, outcome: 'manual', clinical: '' };

test('what can be done depends on what it is and where it stands', () => {
  expect(actsOf(alert({}))).toEqual(['acknowledge', 'assign', 'shelve', 'comment', 'resolve']);
  expect(actsOf(alert({ state: 'shelved' }))).toContain('unshelve');
  expect(actsOf(alert({ state: 'resolved' }))).toEqual(['comment']);
  expect(actsOf(fever())).not.toContain('shelve');
  expect(actsOf(fever({ state: 'resolved' }))).toContain('release');
  expect(outcomesOf(fever())).not.toContain('manual');
});

test('what a person says is in the request', () => {
  const now = Date.parse('2026-11-23T07:31:00Z');
  expect(request(alert({}), 'shelve', { ...said, by: ' wang ', note: 'ordered' }, now)).toEqual({
    path: '/alerts/7/shelve', body: { by: 'wang', note: 'ordered', until: '2026-11-23T11:31:00.000Z', version: 3 },
  });
  expect(request(fever(), 'confirm', { ...said, clinical: '38,4' }, now)).toEqual({
    path: '/episodes/s.gate-1.b1-people-5/confirm', body: { clinical_c: 38.4 },
  });
});

test('what must be said is asked for', () => {
  expect(isReady('acknowledge', said)).toBe(true);
  expect(isReady('shelve', said)).toBe(false);
  expect(isReady('assign', { ...said, to: 'li' })).toBe(true);
  expect(isReady('resolve', { ...said, outcome: 'other' })).toBe(false);
  expect(isReady('remeasure', { ...said, clinical: '36.8' })).toBe(true);
  expect(isReady('remeasure', { ...said, clinical: '3.8' })).toBe(false);
});
