// What the sites' rows add up to, and what one row says of its data. Pure.

import type { LaneBrief, SiteRow, Verdict } from '../api/types.ts';

export interface FleetSums {
  /** Sum of the estimates, and at how many sites it is incomplete. */
  headcount: number;
  headcountGaps: number;
  in: number;
  out: number;
  rounds: Record<'done' | 'due' | 'missed' | 'unknown' | 'all', number>;
  unitsOnline: number;
  unitsTotal: number;
}

export function sums(sites: readonly SiteRow[]): FleetSums {
  const sum: FleetSums = {
    headcount: 0, headcountGaps: 0, in: 0, out: 0,
    rounds: { done: 0, due: 0, missed: 0, unknown: 0, all: 0 },
    unitsOnline: 0, unitsTotal: 0,
  };
  for (const site of sites) {
    sum.headcount += site.headcount?.estimate ?? 0;
    if (headcountIncomplete(site)) sum.headcountGaps += 1;
    sum.in += site.today.in;
    sum.out += site.today.out;
    sum.unitsOnline += site.units_online;
    sum.unitsTotal += site.units_total;
    for (const zone of site.zones) if (zone.used) for (const verdict of zone.verdicts) count(sum.rounds, verdict);
  }
  return sum;
}

function count(rounds: FleetSums['rounds'], verdict: Verdict): void {
  if (verdict === 'excused') return;
  rounds.all += 1;
  if (verdict === 'done' || verdict === 'late') rounds.done += 1;
  else if (verdict === 'due' || verdict === 'running') rounds.due += 1;
  else if (verdict === 'missed') rounds.missed += 1;
  else if (verdict === 'unknown') rounds.unknown += 1;
}

/** Lanes whose counts are not those of now. */
export function unwatched(site: SiteRow): LaneBrief[] {
  return site.lanes.filter(({ state }) => state === 'stale' || state === 'offline');
}

/** None of its units is in reach. */
export function silent(site: SiteRow): boolean {
  return site.units_total > 0 && site.units_online === 0;
}

export function headcountIncomplete(site: SiteRow): boolean {
  return (
    site.headcount === null || site.headcount.low === null || site.catching_up || silent(site) ||
    unwatched(site).some(({ kind }) => kind === 'people')
  );
}

/** Something about the site is not known as of now. */
export function incomplete(site: SiteRow): boolean {
  return (
    site.units_online < site.units_total || site.catching_up || unwatched(site).length > 0 ||
    site.zones.some((zone) => zone.used && zone.verdicts.includes('unknown'))
  );
}

/** Somebody is needed there. */
export function needs(site: SiteRow): boolean {
  return site.alerts.unacknowledged > 0;
}

/** The zone that all the sites share, or the viewer's. */
export function commonZone(sites: readonly SiteRow[], viewer: string): string {
  const [first, ...others] = new Set(sites.map((site) => site.time_zone));
  return first !== undefined && others.length === 0 ? first : viewer;
}
