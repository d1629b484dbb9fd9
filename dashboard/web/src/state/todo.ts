// What a person must do on a site, grouped by when a person is needed.

import type { Alert, SiteSnapshot, Slot } from '../api/types.ts';
import { worstFirst } from './order.ts';

export interface Todo {
  /** Critical and major alerts that nobody has answered. */
  now: Alert[];
  /** Alerts that somebody has. */
  inHand: Alert[];
  /** Rounds that are due, the nearest end first, then minor alerts. */
  slots: Slot[];
  shift: Alert[];
}

/** `alerts` are the open ones; those of rounds that are due anyway stay with the alerts. */
export function todo(site: Pick<SiteSnapshot, 'zones' | 'alerts'>): Todo {
  const open = worstFirst(site.alerts.filter((alert) => alert.state !== 'resolved'));
  const raised = open.filter((alert) => alert.state === 'raised');
  return {
    now: raised.filter((alert) => alert.severity !== 'minor'),
    inHand: open.filter((alert) => alert.state === 'acknowledged'),
    slots: dueSlots(site.zones),
    shift: raised.filter((alert) => alert.severity === 'minor'),
  };
}

function dueSlots(zones: SiteSnapshot['zones']): Slot[] {
  return zones
    .filter((zone) => zone.used)
    .flatMap((zone) => zone.slots)
    .filter((slot) => slot.verdict === 'due' || slot.verdict === 'running')
    .sort((a, b) => Date.parse(a.end) - Date.parse(b.end) || (a.id < b.id ? -1 : 1));
}
