import type { Severity, Verdict } from '../api/types.ts';

/** A shape of the sprite. */
export type Shape = Severity | Verdict | 'stale' | 'offline' | 'catchup';
