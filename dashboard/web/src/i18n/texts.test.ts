import { describe, expect, it } from 'vitest';
import { NOW, SHANGHAI, alert, slot, snapshot, zone } from '../test/fixtures.ts';
import { alertText, type Voice } from './alert-text.ts';
import { band } from './band.ts';
import { messages as en } from './en.ts';
import { Format } from './format.ts';
import { slotLabel, slotText, slotWas } from './slot-text.ts';
import { tile, type TileFacts } from './tile-text.ts';
import { messages as zhCN } from './zh-CN.ts';

const zh: Voice = { m: zhCN, format: new Format(zhCN), name: (name) => name.zh || name.en };
const english: Voice = { m: en, format: new Format(en), name: (name) => name.en || name.zh };
const proof = {
  round: 'r', unit: 'zone-1', started: '2026-06-24T00:01:00Z', ended: '2026-06-24T00:42:00Z', litres: 0.4, pump_s: 9, points: [], evidence: 'button',
};

describe('a tile’s second line', () => {
  const at = (seconds: number) => new Date(NOW - seconds * 1000).toISOString();
  const line = (facts: Partial<TileFacts>, frozenAt: number | null = null, voice = zh) =>
    tile({ state: 'fresh', since: null, at: at(2), ...facts }, { now: NOW, zone: SHANGHAI, frozenAt }, voice);

  it('says each state in words', () => {
    expect(line({})).toMatchObject({ text: '2 秒前', tone: null, shape: null });
    expect(line({ state: 'late', at: at(100) })).toMatchObject({ text: '1 分 40 秒前', tone: 'late' });
    expect(line({ state: 'late', at: at(160), what: '温度' }).text).toBe('温度 2 分 40 秒前');
    expect(line({ state: 'stale', at: at(380), what: '温度' })).toMatchObject({ text: '温度未更新 · 6 分钟前', shape: 'stale', tone: 'bad' });
    expect(line({ state: 'stale', at: at(380) }).text).toBe('数据未更新 · 6 分钟前');
    expect(line({ state: 'offline', since: at(2580) })).toMatchObject({ text: '离线 · 今天 13:22 起', shape: 'offline' });
    expect(line({ state: 'no_data_yet', at: null, what: '温度' }).text).toBe('温度：尚无数据');
    expect(line({ state: 'empty', at: null }).text).toBe('未安装传感器');
    expect(line({ state: 'stale', at: at(380) }, null, english).text).toBe('Data stale · 6 min ago');
  });
  it('tells a listener how often it should come', () => {
    expect(line({ state: 'stale', at: at(380), interval_s: 30 }).spoken).toBe('数据未更新，6 分钟前，应每 30 秒');
  });
  it('says at what moment a frozen page stands', () => {
    const frozen = line({}, NOW - 90_000);
    expect(frozen).toMatchObject({ state: 'stale', text: '数据未更新 · 停留在 14:03:48', shape: 'stale' });
    expect(line({ state: 'offline', since: at(2580) }, NOW).state).toBe('offline');
  });
});

describe('a round', () => {
  const two = [slot('living', 1, '08:00', '11:00', 'done'), slot('living', 2, '14:00', '17:00', 'due')];
  const [morning, afternoon] = two as [typeof two[0], typeof two[0]];

  it('is of the morning or the afternoon where a day has one of each', () => {
    expect(two.map((each) => slotLabel(each!, two, SHANGHAI, zh))).toEqual(['上午', '下午']);
    const three = [...two, slot('living', 3, '20:00', '22:00', 'upcoming')];
    expect(three.map((each) => slotLabel(each, three, SHANGHAI, zh))).toEqual(['08:00', '14:00', '20:00']);
  });
  it('says the time that its verdict turns on', () => {
    const text = (rest: Partial<typeof morning>) => slotText({ ...morning, ...rest } as typeof morning & object, SHANGHAI, zh);
    expect(text({ proof })).toBe('已完成 08:42');
    expect(text({ verdict: 'running', proof })).toBe('进行中 08:01 起');
    expect(text({ verdict: 'missed' })).toBe('漏消毒 11:00');
    expect(text({ verdict: 'short', proof })).toBe('不足 0.4 升');
    expect(text({ verdict: 'short' })).toBe('不足');
    expect(slotText(afternoon!, SHANGHAI, english)).toBe('Due before 17:00');
  });
  it('says what it was judged before it was corrected', () => {
    const history = [{ at: '', verdict: 'due' as const }, { at: '', verdict: 'missed' as const }];
    expect(slotWas({ ...morning!, verdict: 'late', history }, zh)).toBe('原判漏消毒');
    expect(slotWas({ ...morning!, history: [{ at: '', verdict: 'due' }] }, zh)).toBe('');
  });
});

describe('an alert', () => {
  const missed = slot('living', 1, '08:00', '11:00', 'missed');
  const site = snapshot({ zones: [zone('living', [missed, slot('living', 2, '14:00', '17:00', 'due')], { name: { zh: '宿舍', en: 'Dormitory' } })] });
  const place = { time_zone: SHANGHAI, site };

  it('has its figures and the site’s own names', () => {
    const fever = alert(1, 'major', { kind: 'fever_suspected', subject: { lane: 'people' }, params: { skin_c: 36.51, delta_c: 1.9 } });
    expect(alertText(fever, place, zh)).toEqual({
      what: '体温异常·待复测', why: '体表 36.5 °C，比刚测过的人高 1.9 °C。请用体温计复测。', where: '人行通道',
    });
    const round = alert(2, 'major', { kind: 'missed_round', subject: { zone: 'living', id: missed.id } });
    expect(alertText(round, place, zh).what).toBe('漏消毒 · 宿舍上午');
    expect(alertText(round, place, english)).toMatchObject({ what: 'Missed round · Dormitory, AM', why: 'Was due before 11:00.' });
  });
  it('is whole without the site at hand and without figures', () => {
    const round = alert(2, 'major', { kind: 'missed_round', subject: { zone: 'living' } });
    expect(alertText(round, { time_zone: SHANGHAI }, zh).what).toBe('漏消毒 · 生活区');
    expect(alertText(round, { time_zone: SHANGHAI }, english).what).toBe('Missed round · Living');
    const fault = alert(3, 'minor', { kind: 'sensor_fault', subject: { sensor: 'people-ir', id: 'brand_new' } });
    expect(alertText(fault, { time_zone: SHANGHAI }, zh).why).toBe('brand_new。');
    const clock = alert(5, 'minor', { kind: 'clock_disputed', params: { ahead_s: -6.34 } });
    expect(alertText(clock, { time_zone: SHANGHAI }, zh).why).toBe('与服务器相差 6.3 秒。');
  });
  it('of a certificate says whose it is and when it ends, by the site’s own day', () => {
    const certificate = alert(6, 'minor', { kind: 'certificate', subject: { unit: 'gate-1' }, params: { of: 'broker', ends: '2026-12-23T16:30:00Z' } });
    expect(alertText(certificate, { time_zone: SHANGHAI }, english)).toMatchObject({
      what: 'Certificate near its end gate-1', why: 'The broker\'s certificate ends on Thu 24 Dec. Renew it, or the unit cannot send.',
    });
    expect(alertText(certificate, { time_zone: SHANGHAI }, zh).why).toBe('消息服务器的证书 12月24日 周四 到期，请更换，否则设备无法上传。');
  });
  it('of a kind that this page does not know is shown by its code', () => {
    expect(alertText(alert(4, 'minor', { kind: 'storm' as never }), place, zh).what).toBe('storm');
  });
});

describe('a headcount', () => {
  it('has a band, or nobody can say', () => {
    expect(band({ low: 405, high: 1419 }, zh)).toBe('405–1,419');
    expect(band({ low: null, high: null }, english)).toBe('band unknown');
  });
});
