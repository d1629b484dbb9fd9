// Worst first, by the hub's rule: severity, then unanswered before answered, then the oldest, then the id.

import { SEVERITIES, type Alert, type SiteRow } from '../api/types.ts';

export function byNeed(a: Alert, b: Alert): number {
  return (
    SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity) ||
    answered(a) - answered(b) ||
    Date.parse(a.raised_at) - Date.parse(b.raised_at) ||
    a.id - b.id
  );
}

export function worstFirst(alerts: readonly Alert[]): Alert[] {
  return [...alerts].sort(byNeed);
}

/** Sites by their worst alert; those without one after all others. */
export function sitesWorstFirst(sites: readonly SiteRow[]): SiteRow[] {
  return [...sites].sort((a, b) => {
    if (a.worst && b.worst) return byNeed(a.worst, b.worst) || compare(a.id, b.id);
    if (a.worst || b.worst) return a.worst ? -1 : 1;
    return compare(a.id, b.id);
  });
}

function answered(alert: Alert): number {
  return alert.state === 'raised' ? 0 : 1;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
