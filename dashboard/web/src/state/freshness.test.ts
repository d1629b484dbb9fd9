import { describe, expect, it } from 'vitest';
import { FRESHNESS } from '../api/types.ts';
import { retryDelay } from './backoff.ts';
import { isLost, shown, worstState } from './freshness.ts';

describe('the connection', () => {
  it('is lost after 25 s without an event, whatever the socket says', () => {
    expect(isLost('live', 25_000)).toBe(false);
    expect(isLost('live', 25_001)).toBe(true);
    expect(isLost('connecting', 25_001)).toBe(true);
  });
  it('is lost soon when it broke', () => {
    expect(isLost('broken', 1_000)).toBe(false);
    expect(isLost('broken', 3_001)).toBe(true);
  });
  it('is not lost while nobody looks', () => {
    expect(isLost('paused', 999_999)).toBe(false);
  });
  it('is tried again after 1, 2, 5, 10, 30 s, up to a quarter earlier', () => {
    expect([1, 2, 3, 4, 5, 6].map((n) => retryDelay(n, 0))).toEqual([1000, 2000, 5000, 10_000, 30_000, 30_000]);
    expect(retryDelay(5, 0.999)).toBeGreaterThan(22_500);
  });
});

describe('a tile', () => {
  it('is as the hub says while the hub is there', () => {
    for (const state of FRESHNESS) expect(shown(state, false)).toBe(state);
  });
  it('is never fresh on a frozen page, and what was worse stays', () => {
    expect(FRESHNESS.map((state) => shown(state, true))).toEqual(['empty', 'no_data_yet', 'stale', 'stale', 'stale', 'offline']);
  });
  it('of several parts is as its worst part', () => {
    expect(worstState([])).toBe('empty');
    expect(worstState(['fresh', 'empty', 'late'])).toBe('late');
    expect(worstState(['offline', 'fresh'])).toBe('offline');
  });
});
