// What people record of a site: heads counted, entries, rounds by hand, why a round need not be done, who was let out of
// isolation, and the hand-over of a shift.

import type { SiteSnapshot, Slot, Zone } from '../api/types.ts';

export const SITE_ACTS = ['accept', 'roll_call', 'entry', 'excuse', 'round', 'release', 'hand_over'] as const;
export type SiteAct = (typeof SITE_ACTS)[number];

export const ENTRY_OUTCOMES = ['admitted', 'refused', 'isolated'] as const;
export type EntryOutcome = (typeof ENTRY_OUTCOMES)[number];

/** Why planned rounds usually need not be done; in words otherwise. */
export const EXCUSES = ['rain', 'people_present', 'stopped_work', 'other'] as const;
export type Excuse = (typeof EXCUSES)[number];

export interface SiteSaid {
  by: string;
  count: string;
  zone: Zone | '';
  lane: string;
  outcome: EntryOutcome;
  slot: string;
  excuse: Excuse;
  reason: string;
  /** How long ago the round ended, and how long it took, minutes. */
  ago: string;
  lasted: string;
  litres: string;
  /** What was sprayed, how strong, and how many minutes it stayed. */
  agent: string;
  concentration: string;
  contact: string;
  /** Who did it if it was somebody else, and who looked after it. */
  operator: string;
  checker: string;
  to: string;
  /** The number of the hand-over that is taken. */
  offer: number;
}

/** Today's rounds that can be excused: not done, and not excused yet. */
export function excusable(site: Pick<SiteSnapshot, 'zones'>): Slot[] {
  const slots = site.zones.filter((zone) => zone.used).flatMap((zone) => zone.slots);
  return slots.filter((slot) => !['done', 'late', 'excused', 'running'].includes(slot.verdict));
}

/** Which acts make sense on a site; a shift that is offered is taken before anything else is handed over. */
export function siteActs(site: Pick<SiteSnapshot, 'lanes' | 'zones'>, offered = false): SiteAct[] {
  const people = site.lanes.some((lane) => lane.kind === 'people');
  return SITE_ACTS.filter((act) => {
    if (act === 'accept') return offered;
    if (act === 'hand_over') return !offered;
    if (act === 'roll_call') return people;
    if (act === 'entry') return site.lanes.length > 0;
    if (act === 'excuse') return excusable(site).length > 0;
    return act !== 'round' || site.zones.some((zone) => zone.used);
  });
}

/** Where a roll-call can be taken: places with lanes of people. */
export function counted(site: Pick<SiteSnapshot, 'lanes'>): (Zone | '')[] {
  const into = site.lanes.filter((lane) => lane.kind === 'people').map((lane) => lane.leads_to);
  return [...new Set(into)].map((place) => (place === 'site' ? '' : place));
}

const number = (text: string) => (text.trim() ? Number(text.replace(',', '.')) : NaN);

export function isSaid(act: SiteAct, said: SiteSaid): boolean {
  const words = said.reason.trim() !== '';
  switch (act) {
    case 'roll_call': return Number.isInteger(number(said.count)) && number(said.count) >= 0;
    case 'entry': return said.outcome !== 'refused' || words;
    case 'excuse': return said.slot !== '' && (said.excuse !== 'other' || words);
    case 'round':
      return words && number(said.ago) >= 0 && number(said.lasted) > 0 && (!said.litres.trim() || number(said.litres) > 0)
        && (!said.contact.trim() || (Number.isInteger(number(said.contact)) && number(said.contact) >= 0));
    case 'release': return Number.isInteger(number(said.count)) && number(said.count) > 0 && words;
    case 'accept': return said.by.trim() !== '';
    case 'hand_over': return said.to.trim() !== '';
  }
}

/** The request: its path under the API, and its body. */
export function siteRequest(site: string, act: SiteAct, said: SiteSaid, now: number): { path: string; body: Record<string, unknown> } {
  const by = said.by.trim() ? { by: said.by.trim() } : {};
  const reason = said.reason.trim();
  const base = `/sites/${encodeURIComponent(site)}`;
  switch (act) {
    case 'roll_call':
      return { path: `${base}/roll-calls`, body: { ...by, count: number(said.count), ...(said.zone ? { zone: said.zone } : {}) } };
    case 'entry':
      return { path: `${base}/entries`, body: { ...by, lane: said.lane, outcome: said.outcome, ...(reason ? { reason } : {}) } };
    case 'excuse':
      return {
        path: `${base}/slots/${encodeURIComponent(said.slot)}/excuse`,
        body: { ...by, reason: said.excuse === 'other' ? reason : said.excuse },
      };
    case 'round': {
      const ended = now - number(said.ago) * 60_000;
      const operator = said.operator.trim() || said.by.trim();
      const written = { agent: said.agent, concentration: said.concentration, operator, checker: said.checker };
      const round = {
        zone: said.zone, reason,
        started: new Date(ended - number(said.lasted) * 60_000).toISOString(), ended: new Date(ended).toISOString(),
        ...(said.litres.trim() ? { litres: number(said.litres) } : {}),
        ...(said.contact.trim() ? { contact_min: number(said.contact) } : {}),
        ...Object.fromEntries(Object.entries(written).map(([key, text]) => [key, text.trim()]).filter(([, text]) => text)),
      };
      return { path: `${base}/rounds`, body: { ...by, round } };
    }
    case 'release':
      return { path: `${base}/isolation`, body: { ...by, count: number(said.count), reason } };
    case 'accept':
      return { path: `${base}/hand-overs/${said.offer}/accept`, body: by };
    case 'hand_over':
      return { path: `${base}/hand-overs`, body: { ...by, to: said.to.trim(), ...(reason ? { note: reason } : {}) } };
  }
}
