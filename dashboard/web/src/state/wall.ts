// What fits a wall, and when its page turns. Pure.

import type { Alert } from '../api/types.ts';

/** So many rows are read from a few metres. */
export const SITES_A_PAGE = 8;
/** A page stays for so long, milliseconds. */
export const PAGE_MS = 20_000;

/** Room for alerts: a row that calls takes two places. */
const PLACES = 9;

/** The alerts that fit, the worst first as given. */
export function fitting(alerts: readonly Alert[]): Alert[] {
  let room = PLACES;
  const shown: Alert[] = [];
  for (const alert of alerts) {
    room -= alert.state === 'raised' && alert.severity !== 'minor' ? 2 : 1;
    if (room < 0) break;
    shown.push(alert);
  }
  return shown;
}

/** The page at a time, from 0; the first for as long as it is pinned. */
export function pageAt(time: number, pages: number, pinned: boolean): number {
  return pinned ? 0 : Math.floor(time / PAGE_MS) % pages;
}
