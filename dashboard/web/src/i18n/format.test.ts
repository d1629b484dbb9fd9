import { describe, expect, it } from 'vitest';
import { NOW, SHANGHAI } from '../test/fixtures.ts';
import { messages as en } from './en.ts';
import { Format } from './format.ts';
import { messages as zhCN } from './zh-CN.ts';

const zh = new Format(zhCN);
const english = new Format(en);
const NEW_YORK = 'America/New_York';

describe('times are those of the site', () => {
  it('whatever the computer’s zone', () => {
    expect(zh.seconds(NOW, SHANGHAI)).toBe('14:05:18');
    expect(zh.time(NOW, NEW_YORK)).toBe('02:05');
    expect(zh.date(NOW, SHANGHAI)).toBe('6月24日 周三');
    expect(english.date(NOW, SHANGHAI)).toBe('Wed 24 Jun');
    expect(zh.hour(NOW, NEW_YORK)).toBe('02');
  });
  it('midnight is 00, not 24', () => {
    expect(zh.time(Date.parse('2026-06-23T16:00:00Z'), SHANGHAI)).toBe('00:00');
  });
  it('zones are named by their offset, summer time included', () => {
    expect(zh.zone(NOW, SHANGHAI)).toBe('UTC+8');
    expect(zh.zone(NOW, NEW_YORK)).toBe('UTC-4');
    expect(zh.zone(Date.parse('2026-01-10T00:00:00Z'), NEW_YORK)).toBe('UTC-5');
    expect(zh.zone(NOW, 'UTC')).toBe('UTC');
    expect(zh.sameClock(NOW, SHANGHAI, 'Asia/Singapore')).toBe(true);
    expect(zh.sameClock(NOW, SHANGHAI, NEW_YORK)).toBe(false);
  });
  it('a moment names its day when it is another day there', () => {
    const before = Date.parse('2026-06-23T15:30:00Z');
    expect(zh.moment(before, SHANGHAI, NOW)).toBe('6月23日 23:30');
    expect(zh.moment(before, NEW_YORK, Date.parse('2026-06-23T20:00:00Z'))).toBe('11:30');
    expect(zh.momentToday(NOW, SHANGHAI, NOW)).toBe('今天 14:05');
  });
});

describe('lengths', () => {
  it('in their two largest units', () => {
    expect([0, 59, 60, 100, 3600, 3660, 86_400, 90_000].map((s) => zh.length(s))).toEqual(
      ['0 秒', '59 秒', '1 分', '1 分 40 秒', '1 时', '1 时 1 分', '1 天', '1 天 1 时'],
    );
    expect(english.length(100)).toBe('1 min 40 s');
  });
  it('a started minute is left', () => {
    expect(zh.coarse(3239)).toBe('54 分');
    expect(zh.coarse(1)).toBe('1 分');
    expect(zh.coarse(-5)).toBe('0 分');
  });
  it('open, and on a stopwatch', () => {
    expect([72, 720, 11_100].map((s) => zh.open(s))).toEqual(['1:12', '12 分', '3 时 5 分']);
    expect([42, 4205].map((s) => zh.watch(s))).toEqual(['00:42', '01:10:05']);
  });
  it('ages are relative below an hour and moments after', () => {
    const age = (seconds: number, exact = false) => zh.age(NOW - seconds * 1000, NOW, SHANGHAI, exact);
    expect([2, 380, 3600].map((s) => age(s))).toEqual(['2 秒前', '6 分钟前', '13:05']);
    expect(age(100, true)).toBe('1 分 40 秒前');
    expect(age(-3)).toBe('0 秒前');
    expect(english.age(NOW - 2000, NOW, SHANGHAI)).toBe('2 s ago');
  });
});

describe('numbers', () => {
  it('are grouped, one decimal, never rounded up to the whole', () => {
    expect(zh.count(1204)).toBe('1,204');
    expect(zh.tenth(34.64)).toBe('34.6');
    expect(zh.signed(1.9)).toBe('+1.9');
    expect(zh.share(1)).toBe('100%');
    expect(zh.share(0.99999)).toBe('99.9%');
    expect(zh.share(0)).toBe('0%');
  });
});
