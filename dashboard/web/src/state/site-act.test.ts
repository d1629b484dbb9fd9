import { expect, test } from 'vitest';
import type { Slot, SiteSnapshot } from '../api/types.ts';
import { counted, excusable, isSaid, siteActs, siteRequest, type SiteSaid } from './site-act.ts';

const said: SiteSaid = {
  by: '', count: '', zone: '', lane: 'people', outcome: 'admitted', slot: '', excuse: 'rain', reason: '', ago: '0', lasted: '20', litres: '',
  agent: '', concentration: '', contact: '', operator: '', checker: '', to: '', offer: 0,
};
const slot = (id: string, verdict: Slot['verdict']) => ({ id, verdict }) as Slot;
const site = {
  lanes: [{ id: 'people', kind: 'people', leads_to: 'site' }, { id: 'yard', kind: 'people', leads_to: 'living' }, { id: 'goods', kind: 'goods', leads_to: 'site' }],
  zones: [{ id: 'living', used: true, slots: [slot('a', 'done'), slot('b', 'due'), slot('c', 'unknown')] }, { id: 'isolation', used: false, slots: [slot('d', 'due')] }],
} as unknown as SiteSnapshot;

test('only what makes sense on the site is offered', () => {
  expect(excusable(site).map(({ id }) => id)).toEqual(['b', 'c']);
  expect(counted(site)).toEqual(['', 'living']);
  expect(siteActs({ lanes: [], zones: [] })).toEqual(['release', 'hand_over']);
  expect(siteActs(site)).toHaveLength(6);
  expect(siteActs(site, true)[0]).toBe('accept');
  expect(siteActs(site, true)).not.toContain('hand_over');
});

test('what must be said is asked for', () => {
  expect(isSaid('roll_call', said)).toBe(false);
  expect(isSaid('roll_call', { ...said, count: '0' })).toBe(true);
  expect(isSaid('roll_call', { ...said, count: '4.5' })).toBe(false);
  expect(isSaid('entry', { ...said, outcome: 'refused' })).toBe(false);
  expect(isSaid('excuse', { ...said, slot: 'b', excuse: 'other' })).toBe(false);
  expect(isSaid('excuse', { ...said, slot: 'b' })).toBe(true);
  expect(isSaid('round', { ...said, zone: 'living', reason: 'repair', lasted: '0' })).toBe(false);
  const round = { ...said, zone: 'living', reason: 'repair' } as const;
  expect(isSaid('round', { ...round, contact: 'long' })).toBe(false);
  expect(isSaid('round', { ...round, contact: '30' })).toBe(true);
  expect(isSaid('hand_over', { ...said, to: 'li' })).toBe(true);
  expect(isSaid('accept', said)).toBe(false);
});

test('what is said is in the request', () => {
  const now = Date.parse('2026-11-23T07:31:00Z');
  expect(siteRequest('s', 'roll_call', { ...said, by: ' wang ', count: '41', zone: 'living' }, now)).toEqual({
    path: '/sites/s/roll-calls', body: { by: 'wang', count: 41, zone: 'living' },
  });
  expect(siteRequest('s', 'excuse', { ...said, slot: 'living-2026-11-23-1' }, now)).toEqual({
    path: '/sites/s/slots/living-2026-11-23-1/excuse', body: { reason: 'rain' },
  });
  expect(siteRequest('s', 'accept', { ...said, by: 'li', offer: 3 }, now)).toEqual({ path: '/sites/s/hand-overs/3/accept', body: { by: 'li' } });
  expect(siteRequest('s', 'round', { ...said, zone: 'living', reason: 'repair', ago: '5', litres: '3,5' }, now).body).toEqual({
    round: { zone: 'living', reason: 'repair', started: '2026-11-23T07:06:00.000Z', ended: '2026-11-23T07:26:00.000Z', litres: 3.5 },
  });
  const written = { agent: ' chlorine ', concentration: '500 mg/l', contact: '30', checker: 'zhao' };
  const whole = { ...said, ...written, by: 'li', zone: 'living', reason: 'repair' } as const;
  expect(siteRequest('s', 'round', whole, now).body).toMatchObject({
    round: { agent: 'chlorine', concentration: '500 mg/l', contact_min: 30, operator: 'li', checker: 'zhao' },
  });
  expect(siteRequest('s', 'round', { ...whole, operator: 'qian' }, now).body).toMatchObject({ by: 'li', round: { operator: 'qian' } });
});
