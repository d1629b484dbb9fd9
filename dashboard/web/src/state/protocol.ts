// What passes between a page and whatever holds its streams: a worker that all tabs share, or the page itself.

import type { Alert } from '../api/types.ts';
import type { Link } from './freshness.ts';
import type { Change } from './reduce.ts';

/** `fleet` or `site:ID`. */
export type Scope = string;

export type Event =
  | { type: 'link'; link: Link }
  | { type: 'hello'; server_time: string; build: string }
  | { type: 'snapshot'; rev: number; server_time: string; data: object }
  | { type: 'delta'; rev: number; server_time: string; t: Change[] }
  | { type: 'alert'; alert: Alert }
  | { type: 'clock'; server_time: string };

/** From the streams to a page. `at` is the client's clock at receipt, milliseconds. */
export interface Message { scope: Scope; at: number; event: Event }

/** From a page to the streams. */
export type Request =
  | { type: 'join'; scope: Scope }
  | { type: 'leave'; scope: Scope }
  | { type: 'visible'; visible: boolean }
  | { type: 'nudge' }
  | { type: 'bye' };

/** The names of the stream's own events. */
export const EVENTS = ['hello', 'snapshot', 'delta', 'alert', 'clock'] as const;
