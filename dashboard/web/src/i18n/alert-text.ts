// An alert's codes and parameters as a reader's words.

import type { Alert, Lane, SiteSnapshot, Zone, ZoneView } from '../api/types.ts';
import type { AlertFacts } from './facts.ts';
import type { Format } from './format.ts';
import type { Messages } from './zh-CN.ts';
import { slotLabel } from './slot-text.ts';

/** What the reader's language is made with. */
export interface Voice {
  m: Messages;
  format: Format;
  name(name: { zh: string; en: string }): string;
}

/** Where the alert is: the site's zone and, if it is at hand, the site itself with its own names. */
export interface Place {
  time_zone: string;
  site?: Pick<SiteSnapshot, 'lanes' | 'zones'> | null;
}

export interface AlertText { what: string; why: string; where: string }

export function alertText(alert: Alert, place: Place, voice: Voice): AlertText {
  const facts = factsOf(alert, place, voice);
  const texts = voice.m.alert[alert.kind];
  return {
    // A kind of a newer hub is shown by its code.
    what: texts ? texts.what(facts) : alert.kind,
    why: texts ? texts.why(facts) : '',
    where: facts.lane || (alert.kind === 'missed_round' || alert.kind === 'short_round' || alert.kind === 'capacity' ? '' : facts.zone),
  };
}

function factsOf(alert: Alert, { time_zone, site }: Place, voice: Voice): AlertFacts {
  const { subject, params } = alert;
  const { m, format } = voice;
  const lane = site?.lanes.find((lane) => lane.id === subject.lane);
  const zone = site?.zones.find((zone) => zone.id === subject.zone);
  const slot = zone?.slots.find((slot) => slot.id === subject.id);
  const number = (key: string, write: (n: number) => string) => {
    const value = params[key];
    return typeof value === 'number' ? write(value) : '';
  };
  const text = (key: string) => (params[key] === undefined || params[key] === null ? '' : String(params[key]));
  const moment = (key: string) => {
    const at = Date.parse(text(key));
    return Number.isNaN(at) ? '' : format.moment(at, time_zone, at);
  };
  const date = (key: string) => {
    const at = Date.parse(text(key));
    return Number.isNaN(at) ? '' : format.date(at, time_zone);
  };
  // A sensor's faults are told apart by their code.
  const code = text('code') || (alert.kind === 'sensor_fault' ? (subject.id ?? '') : '');
  const window = (zone && slot && slotLabel(slot, zone.slots, time_zone, voice)) || moment('start');
  return {
    unit: subject.unit ?? '',
    lane: lane ? laneName(lane, voice) : laneWord(subject.lane ?? '', voice),
    zone: zone ? zoneName(zone, voice) : subject.zone ? zoneWord(subject.zone, voice) : '',
    sensor: subject.sensor ?? '',
    id: subject.id ?? '',
    detail: text('detail'),
    slot: window,
    end: slot ? format.time(Date.parse(slot.end), time_zone) : moment('end'),
    skin: number('skin_c', (n) => format.tenth(n)),
    delta: number('delta_c', (n) => format.tenth(n)),
    n: number('n', (n) => format.count(n)),
    code,
    fault: code ? ((m.fault as Record<string, string>)[code] ?? code) : '',
    ends: date('ends'),
    of: text('of'),
    seconds: number('ahead_s', (n) => format.tenth(Math.abs(n))),
  };
}

export function laneName(lane: Pick<Lane, 'kind' | 'name'>, voice: Voice): string {
  return lane.name ? voice.name(lane.name) : voice.m.lane[lane.kind];
}

export function zoneName(zone: Pick<ZoneView, 'id' | 'name'>, voice: Voice): string {
  return zone.name ? voice.name(zone.name) : zoneWord(zone.id, voice);
}

/** A lane of a site that is not at hand: most are called by what passes. */
function laneWord(id: string, { m }: Voice): string {
  return (m.lane as Record<string, string>)[id] ?? id;
}

function zoneWord(zone: Zone, { m }: Voice): string {
  return m.zone[zone];
}
