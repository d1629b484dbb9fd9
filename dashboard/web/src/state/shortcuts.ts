// Single-key shortcuts: `g` and a letter goes to a page, `j` and `k` move among the rows that can be answered, `a`
// answers the row at hand, or the first.

import { router } from '../router/router.svelte.ts';
import { settings } from './settings.svelte.ts';

const PAGES: Record<string, string> = { o: '/', a: '/alerts', c: '/charts', w: '/wall' };
/** How long after `g` a letter still belongs to it, milliseconds. */
const CHORD_MS = 1500;

let chordUntil = 0;

export function shortcuts(event: KeyboardEvent): void {
  if (!settings.keys || event.defaultPrevented) return;
  if (event.metaKey || event.ctrlKey || event.altKey || typing(event.target)) return;
  const chord = event.timeStamp < chordUntil;
  chordUntil = 0;
  const page = PAGES[event.key];
  if (chord && page) {
    router.go(page);
  } else if (event.key === 'g') {
    chordUntil = event.timeStamp + CHORD_MS;
  } else if (event.key === 'a') {
    (row()?.querySelector<HTMLElement>('[data-acknowledge]') ?? first('[data-acknowledge]'))?.click();
  } else if (event.key === 'j' || event.key === 'k') {
    step(event.key === 'j' ? 1 : -1);
  } else {
    return;
  }
  event.preventDefault();
}

function typing(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName));
}

function first(selector: string): HTMLElement | null {
  return document.querySelector<HTMLElement>(selector);
}

/** The row that has the focus, itself or something in it. */
function row(): HTMLElement | null {
  return document.activeElement?.closest<HTMLElement>('[data-row]') ?? null;
}

function step(by: number): void {
  const rows = [...document.querySelectorAll<HTMLElement>('[data-row]')];
  const at = rows.indexOf(row() as HTMLElement);
  rows[at < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(Math.max(at + by, 0), rows.length - 1)]?.focus();
}
