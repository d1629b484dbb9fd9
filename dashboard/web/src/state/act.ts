// What a person can do with an alert, and with the fever behind it: which acts are offered, and what each asks for.

import type { Alert, Outcome } from '../api/types.ts';

export const ALERT_ACTS = ['acknowledge', 'assign', 'comment', 'shelve', 'unshelve', 'resolve'] as const;
export type AlertAct = (typeof ALERT_ACTS)[number];
export const EPISODE_ACTS = ['remeasure', 'confirm', 'dismiss', 'isolate', 'release'] as const;
export type EpisodeAct = (typeof EPISODE_ACTS)[number];
export type Act = AlertAct | EpisodeAct;

/** How long an alert may wait, hours. */
export const SHELF_HOURS = [1, 2, 4, 8] as const;

/** What a fever's alert can be resolved with, and any other. */
const FEVER_OUTCOMES = ['remeasured_normal', 'isolated', 'false_reading', 'other'] as const;
const OUTCOMES = ['manual', 'false_reading', 'other'] as const;

export function outcomesOf(alert: Alert): readonly Outcome[] {
  return alert.kind === 'fever_suspected' ? FEVER_OUTCOMES : OUTCOMES;
}

/** In the order in which they are offered; the first is what most would do. */
export function actsOf(alert: Alert): Act[] {
  const fever = alert.kind === 'fever_suspected';
  const open = alert.state !== 'resolved';
  const acts: Act[] = [];
  if (open && alert.state !== 'acknowledged') acts.push('acknowledge');
  if (fever) acts.push('remeasure', 'confirm', 'isolate', 'dismiss');
  if (fever && !open) acts.push('release');
  if (open) acts.push('assign');
  if (open && !fever) acts.push(alert.state === 'shelved' ? 'unshelve' : 'shelve');
  acts.push('comment');
  if (open) acts.push('resolve');
  return acts;
}

/** What a person has to say with it. */
export function asks(act: Act): { note: boolean; to: boolean; hours: boolean; outcome: boolean; clinical: boolean } {
  return {
    note: act === 'comment' || act === 'shelve' || act === 'dismiss',
    to: act === 'assign',
    hours: act === 'shelve',
    outcome: act === 'resolve',
    clinical: act === 'remeasure' || act === 'confirm',
  };
}

export interface Said { by: string; note: string; to: string; hours: number; outcome: Outcome; clinical: string }

/** The request: its path under the API, and its body. */
export function request(alert: Alert, act: Act, said: Said, now: number): { path: string; body: Record<string, unknown> } {
  const body: Record<string, unknown> = {};
  if (said.by.trim()) body.by = said.by.trim();
  if (said.note.trim()) body.note = said.note.trim();
  const asked = asks(act);
  if (asked.to) body.to = said.to.trim();
  if (asked.hours) body.until = new Date(now + said.hours * 3_600_000).toISOString();
  if (asked.outcome) body.outcome = said.outcome;
  if (asked.clinical) body.clinical_c = Number(said.clinical.replace(',', '.'));
  if ((EPISODE_ACTS as readonly string[]).includes(act)) {
    const episode = [alert.site, alert.subject.unit, alert.subject.id].join('.');
    return { path: `/episodes/${encodeURIComponent(episode)}/${act}`, body };
  }
  // Somebody may have changed it in between: the hub is told what was seen.
  return { path: `/alerts/${alert.id}/${act}`, body: { ...body, version: alert.version } };
}

/** Whether enough is said to do it. */
export function isReady(act: Act, said: Said): boolean {
  const asked = asks(act);
  const clinical = Number(said.clinical.replace(',', '.'));
  if ((asked.note || (asked.outcome && said.outcome === 'other')) && !said.note.trim()) return false;
  if (asked.to && !said.to.trim()) return false;
  return !asked.clinical || (clinical >= 34 && clinical <= 43);
}
