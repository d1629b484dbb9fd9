import { describe, expect, it } from 'vitest';
import {
  ALERT_KINDS, ALERT_STATES, CLOCKS, FAULT_CODES, FRESHNESS, LANE_KINDS, OUTCOMES, SEVERITIES, UNIT_STATES, VERDICTS, ZONES,
} from '../api/types.ts';
import { choose } from './i18n.svelte.ts';
import { messages as en } from './en.ts';
import type { AlertFacts } from './facts.ts';
import { messages as zh } from './zh-CN.ts';

const FACTS: AlertFacts = {
  unit: 'gate-1', lane: 'x', zone: 'x', sensor: 'x', id: 'x', detail: 'x', slot: 'x', end: '11:00', skin: '36.5', delta: '1.9', n: '3', code: 'x', fault: 'x', seconds: '6.0', ends: 'x', of: 'unit',
};
const BLANK = Object.fromEntries(Object.keys(FACTS).map((key) => [key, ''])) as unknown as AlertFacts;

/** Every text by its path; functions are called with facts, figures or short texts. */
function texts(node: unknown, path = ''): [string, string][] {
  if (typeof node === 'string') return [[path, node]];
  if (typeof node === 'function') {
    const call = (...args: unknown[]) => String((node as (...args: unknown[]) => unknown)(...args));
    const alert = path.startsWith('.alert.');
    return [1, 2].map((n) => [`${path}(${n})`, alert ? call(n === 1 ? FACTS : BLANK) : call(...Array(5).fill(path.endsWith('slotWas') || path.endsWith('announced') ? 'x' : n))]);
  }
  return Object.entries(node as object).flatMap(([key, value]) => texts(value, `${path}.${key}`));
}

describe('the dictionaries', () => {
  it('have the same entries', () => {
    const keys = (node: object) => texts(node).map(([path]) => path);
    expect(keys(en)).toEqual(keys(zh));
  });
  it('leave no text empty or unfinished', () => {
    const mayBeEmpty = /^\.charts\.units\.|^\.fleet\.roundsLeft/;
    for (const [path, text] of [...texts(zh), ...texts(en)]) {
      if (!mayBeEmpty.test(path)) expect(text.trim(), path).not.toBe('');
      expect(text, path).not.toMatch(/undefined|NaN|\[object/);
    }
  });
  it('have no Chinese in English', () => {
    for (const [path, text] of texts(en)) expect(text, path).not.toMatch(/[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]/);
  });
  it('use no half-width comma, colon or bracket between Chinese', () => {
    for (const [path, text] of texts(zh)) expect(text, path).not.toMatch(/[\u4e00-\u9fff][,:;()]|[,:;()][\u4e00-\u9fff]/);
  });

  const codes: [keyof typeof zh, readonly string[]][] = [
    ['severity', SEVERITIES], ['alertState', ALERT_STATES], ['outcome', OUTCOMES], ['zone', ZONES], ['zoneShort', ZONES],
    ['lane', LANE_KINDS], ['laneShort', LANE_KINDS], ['verdict', VERDICTS], ['freshness', FRESHNESS],
    ['unitState', UNIT_STATES], ['unitClock', CLOCKS], ['fault', FAULT_CODES], ['alert', ALERT_KINDS],
  ];
  for (const [name, all] of codes) {
    it(`know every code of ${name}`, () => {
      for (const dictionary of [zh, en]) expect(Object.keys(dictionary[name]).sort()).toEqual([...all].sort());
    });
  }
});

describe('the language', () => {
  it('is that of the address, then the stored one, then the browser’s, then Chinese', () => {
    expect(choose('?lang=en', 'zh-CN', ['zh-CN'])).toBe('en');
    expect(choose('', 'en', ['zh-CN'])).toBe('en');
    expect(choose('', null, ['fr', 'en-GB', 'zh'])).toBe('en');
    expect(choose('', null, ['zh-TW'])).toBe('zh-CN');
    expect(choose('?lang=xx', null, ['fr'])).toBe('zh-CN');
  });
});
