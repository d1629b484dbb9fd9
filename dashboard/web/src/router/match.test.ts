import { describe, expect, it } from 'vitest';
import { match, sitePath, withQuery } from './match.ts';

describe('addresses', () => {
  it('lead to their pages', () => {
    expect(match('/', '')).toEqual({ page: 'fleet', show: 'all' });
    expect(match('/', '?show=needs')).toEqual({ page: 'fleet', show: 'needs' });
    expect(match('/', '?show=whatever')).toEqual({ page: 'fleet', show: 'all' });
    expect(match('/sites/binjiang', '')).toEqual({ page: 'site', site: 'binjiang' });
    expect(match('/sites/binjiang/', '')).toEqual({ page: 'site', site: 'binjiang' });
    expect(match('/alerts', '?site=a')).toEqual({ page: 'alerts', site: 'a' });
    expect(match('/wall', '')).toEqual({ page: 'wall' });
    const charts = match('/charts', '?metric=litres');
    expect(charts.page === 'charts' && charts.query.get('metric')).toBe('litres');
  });
  it('that lead nowhere say so', () => {
    for (const path of ['/sites', '/sites/a/b', '/wall/x', '/nothing']) expect(match(path, '').page).toBe('missing');
  });
  it('survive what is no address', () => {
    expect(match('/sites/%E0%A4%A', '')).toEqual({ page: 'site', site: '%E0%A4%A' });
  });
  it('of a site lead back to it', () => {
    expect(match(sitePath('a b/c'), '')).toEqual({ page: 'site', site: 'a b/c' });
  });
  it('carry only what says something', () => {
    expect(withQuery('/charts', { site: 'a', lane: null, zone: '' })).toBe('/charts?site=a');
    expect(withQuery('/', {})).toBe('/');
  });
});
