// The line under a card's name: how old its value is, and whether that is as it should be.

import type { Freshness, Wall } from '../api/types.ts';
import type { Shape } from '../parts/icons.ts';
import { shown } from '../state/freshness.ts';
import type { Voice } from './alert-text.ts';

export interface Tile {
  state: Freshness;
  shape: Shape | null;
  text: string;
  tone: 'late' | 'bad' | null;
  /** For a screen reader, where it says more than the text. */
  spoken: string | null;
}

export interface TileFacts {
  state: Freshness;
  /** Since when it is not fresh. */
  since: Wall | null;
  /** The last report. */
  at: Wall | null;
  /** Seconds between reports, where they are regular. */
  interval_s?: number | null;
  /** What is old, where the card shows more than one thing. */
  what?: string;
}

export interface Now {
  /** The hub's time. */
  now: number;
  /** The site's. */
  zone: string;
  /** Where the figures stand if the hub has been out of reach for long. */
  frozenAt: number | null;
}

export function tile(facts: TileFacts, { now, zone, frozenAt }: Now, voice: Voice): Tile {
  const { m, format } = voice;
  const { what = '' } = facts;
  const state = shown(facts.state, frozenAt !== null);
  const at = facts.at === null ? null : Date.parse(facts.at);
  const age = at === null ? '' : format.age(at, now, zone, state === 'late');
  const plain = { state, shape: null, tone: null, spoken: null } as const;
  switch (state) {
    case 'empty':
      return { ...plain, text: what ? m.tile.noSensor(what) : m.freshness.empty };
    case 'no_data_yet':
      return { ...plain, text: what ? m.tile.noData(what) : m.freshness.no_data_yet };
    case 'late':
      return { ...plain, tone: 'late', text: what && age ? m.tile.aged(what, age) : age || m.freshness.late };
    case 'stale': {
      if (frozenAt !== null && facts.state !== 'stale') {
        return { ...plain, shape: 'stale', tone: 'bad', text: m.tile.frozen(format.seconds(frozenAt, zone)) };
      }
      if (at === null) return { ...plain, shape: 'stale', tone: 'bad', text: m.freshness.stale };
      const length = format.roughly((now - at) / 1000);
      return {
        state,
        shape: 'stale',
        tone: 'bad',
        text: m.tile.stale(what || m.tile.data, length),
        spoken: facts.interval_s ? m.tile.staleSpoken(length, format.length(facts.interval_s)) : null,
      };
    }
    case 'offline': {
      const since = facts.since ?? facts.at;
      const text = since ? m.tile.offline(format.momentToday(Date.parse(since), zone, now)) : m.tile.offlineNow;
      return { ...plain, shape: 'offline', tone: 'bad', text };
    }
    default:
      return { ...plain, text: age };
  }
}
