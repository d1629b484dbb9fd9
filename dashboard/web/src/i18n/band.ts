import type { Headcount } from '../api/types.ts';
import type { Voice } from './alert-text.ts';

/** `405–419`, or that nobody can say. */
export function band({ low, high }: Pick<Headcount, 'low' | 'high'>, { m, format }: Voice): string {
  return low === null || high === null ? m.site.bandUnknown : `${format.count(low)}–${format.count(high)}`;
}
