// How fresh a tile is. The hub judges a value's age; the page alone can tell that the hub itself is out of reach.

import type { Freshness } from '../api/types.ts';

/** No event for so long (milliseconds): the connection is taken for lost. */
export const SILENT_MS = 25_000;
/** A refused or broken connection is shown after this, so that a reconnect in between does not flash. */
export const BROKEN_MS = 3_000;
/** After so long without the hub nothing on the page is fresh any more. */
export const FROZEN_MS = 60_000;

export type Link = 'connecting' | 'live' | 'broken' | 'paused';

/** `silent_ms`: since the last event, or since the page was last looked at if that is later. */
export function isLost(link: Link, silent_ms: number): boolean {
  if (link === 'paused') return false;
  return silent_ms > SILENT_MS || (link === 'broken' && silent_ms > BROKEN_MS);
}

/** A tile's state on a page that may be frozen: what could be fresh is stale, what was worse stays. */
export function shown(state: Freshness, frozen: boolean): Freshness {
  return frozen && (state === 'fresh' || state === 'late') ? 'stale' : state;
}

/** The state that a thing of several parts is in. Where one part has no sensor or never spoke, the others speak. */
export function worstState(states: readonly Freshness[]): Freshness {
  return states.reduce((worst, state) => (ORDER.indexOf(state) > ORDER.indexOf(worst) ? state : worst), 'empty');
}

const ORDER: readonly Freshness[] = ['empty', 'no_data_yet', 'fresh', 'late', 'stale', 'offline'];
