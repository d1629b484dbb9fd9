// Small, whole things to test with.

import type { Alert, Freshness, Lane, Severity, SiteRow, SiteSnapshot, Slot, Verdict, Zone, ZoneView } from '../api/types.ts';
import { ZONES } from '../api/types.ts';

export const NOW = Date.parse('2026-06-24T06:05:18Z');
/** A zone far from most developers' own. */
export const SHANGHAI = 'Asia/Shanghai';

export function alert(id: number, severity: Severity, rest: Partial<Alert> = {}): Alert {
  return {
    id, severity, kind: 'unit_offline', state: 'raised', site: 'a', subject: { unit: 'gate-1' }, params: {},
    happened_at: '2026-06-24T06:00:00Z', raised_at: '2026-06-24T06:00:00Z', count: 1, cleared: false,
    acknowledged_by: null, acknowledged_at: null, resolved_at: null, outcome: null, version: 1, ...rest,
  };
}

export function slot(zone: Zone, number: number, start: string, end: string, verdict: Verdict, rest: Partial<Slot> = {}): Slot {
  return {
    id: `${zone}-2026-06-24-${number}`, zone, date: '2026-06-24', number,
    start: `2026-06-24T${start}:00+08:00`, end: `2026-06-24T${end}:00+08:00`,
    verdict, since: `2026-06-24T${start}:00+08:00`, proof: null, history: [], ...rest,
  };
}

export function zone(id: Zone, slots: Slot[] = [], rest: Partial<ZoneView> = {}): ZoneView {
  return {
    id, used: true, name: null, slots, headcount: null, units_online: 1, units_total: 1,
    ambient: { value: 20, at: '2026-06-24T06:05:16Z', interval_s: 60, state: 'fresh', state_since: null }, ...rest,
  };
}

export function lane(id: string, state: Freshness = 'fresh'): Lane {
  return {
    id, kind: 'people', leads_to: 'site', name: null, in: 1, out: 0, unclear: 0, screened: 0, fevers: 0,
    baseline_c: null, warming_up: true, last_at: null, state, state_since: null, catching_up: false, as_of: null,
    coverage: 1, uncovered_s: 0, hours: [], faults: [],
  };
}

export function snapshot(rest: Partial<SiteSnapshot> = {}): SiteSnapshot {
  return {
    id: 'a', name: { zh: '甲', en: 'A' }, time_zone: SHANGHAI, local_date: '2026-06-24',
    day_start: '2026-06-23T16:00:00Z', day_end: '2026-06-24T16:00:00Z', headcount: null,
    today: { in: 0, out: 0, unclear: 0 }, lanes: [lane('people')], zones: ZONES.map((id) => zone(id)), units: [],
    alerts: [], ...rest,
  };
}

export function row(id: string, rest: Partial<SiteRow> = {}): SiteRow {
  return {
    id, name: { zh: id, en: id }, time_zone: SHANGHAI, local_date: '2026-06-24',
    alerts: { critical: 0, major: 0, minor: 0, unacknowledged: 0 }, worst: null, headcount: null,
    today: { in: 0, out: 0, unclear: 0 }, lanes: [], zones: [], units_online: 1, units_total: 1,
    data_at: '2026-06-24T06:05:16Z', catching_up: false, waiting: 0, ...rest,
  };
}
