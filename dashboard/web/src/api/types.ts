// The API's JSON, as the hub says it (`dashboard/src/view.rs`). Times are RFC 3339 in UTC.

export type Wall = string;

export const ZONES = ['management', 'construction', 'living', 'isolation'] as const;
export type Zone = (typeof ZONES)[number];

export const LANE_KINDS = ['people', 'car', 'goods'] as const;
export type LaneKind = (typeof LANE_KINDS)[number];

export const SEVERITIES = ['critical', 'major', 'minor'] as const;
export type Severity = (typeof SEVERITIES)[number];

export const ALERT_STATES = ['raised', 'acknowledged', 'shelved', 'resolved'] as const;
export type AlertState = (typeof ALERT_STATES)[number];

export const ALERT_KINDS = [
  'fever_suspected', 'missed_round', 'unit_offline', 'quarantine',
  'loss', 'fork', 'clock_disputed', 'sensor_fault', 'site_link_lost',
  'short_round', 'capacity', 'delivery_failed', 'hub_trouble', 'certificate',
] as const;
export type AlertKind = (typeof ALERT_KINDS)[number];

export const VERDICTS = [
  'upcoming', 'due', 'running', 'done', 'short', 'late', 'missed', 'unknown', 'excused',
] as const;
export type Verdict = (typeof VERDICTS)[number];

export const FRESHNESS = ['empty', 'no_data_yet', 'fresh', 'late', 'stale', 'offline'] as const;
export type Freshness = (typeof FRESHNESS)[number];

export const UNIT_STATES = ['no_data_yet', 'online', 'late', 'stale', 'offline'] as const;
export type UnitState = (typeof UNIT_STATES)[number];

export const FAULT_CODES = [
  'stuck', 'blocked', 'bus_error', 'out_of_range', 'frozen',
  'lost_edges', 'undervoltage', 'clock_step', 'disk_low', 'other',
] as const;
export type FaultCode = (typeof FAULT_CODES)[number];

export const CLOCKS = ['synced', 'holdover', 'unset'] as const;
export type UnitClock = (typeof CLOCKS)[number];

export const OUTCOMES = [
  'cleared', 'late', 'manual', 'remeasured_normal', 'isolated', 'false_reading', 'other',
] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** User data in the page's two languages; one may be empty. */
export interface Name { zh: string; en: string }

export interface Subject { unit?: string; lane?: string; zone?: Zone; sensor?: string; id?: string }

export interface Alert {
  id: number;
  kind: AlertKind;
  severity: Severity;
  state: AlertState;
  site: string;
  subject: Subject;
  params: Record<string, unknown>;
  happened_at: Wall;
  raised_at: Wall;
  count: number;
  cleared: boolean;
  acknowledged_by: string | null;
  acknowledged_at: Wall | null;
  resolved_at: Wall | null;
  outcome: Outcome | null;
  version: number;
  /** What was done, oldest first. */
  history?: AlertEntry[];
}

export interface AlertEntry { at: Wall; what: string; by?: string; to?: string; note?: string }

export interface AlertCounts { critical: number; major: number; minor: number; unacknowledged: number }

export interface Headcount {
  estimate: number;
  low: number | null;
  high: number | null;
  since: Wall;
  unclear: number;
  unwatched_s: number;
}

export interface Today { in: number; out: number; unclear: number }

export interface LaneBrief { id: string; kind: LaneKind; in: number | null; out: number | null; state: Freshness }

export interface ZoneBrief { id: Zone; used: boolean; verdicts: Verdict[] }

export interface SiteRow {
  id: string;
  name: Name;
  time_zone: string;
  local_date: string;
  alerts: AlertCounts;
  worst: Alert | null;
  headcount: Headcount | null;
  today: Today;
  lanes: LaneBrief[];
  zones: ZoneBrief[];
  units_online: number;
  units_total: number;
  data_at: Wall | null;
  catching_up: boolean;
  waiting: number;
}

/** Parts of the hub that do not work now: what is shown is not the newest. */
export interface Troubled { troubles?: string[] }

export interface FleetSnapshot extends Troubled { sites: SiteRow[] }

/** What one shift leaves to the next; an offer until who comes has signed. */
export interface HandOver { id: number; from: string; to: string; note: string | null; accepted_at: Wall | null }

export type MessageState = 'queued' | 'sending' | 'sent' | 'failed' | 'dropped';

/** A message to somebody, and what became of it. */
export interface Message {
  id: number;
  said: 'raised' | 'escalated' | 'reminded' | 'test';
  state: MessageState;
  made_at: string;
  answer: string | null;
}

/** Somebody who is told of what is wrong on a site. */
export interface Recipient {
  name: string;
  channel: string;
  language: 'zh' | 'en';
  least: Severity;
  after_min: number;
  last: Message | null;
}

export interface Downtime { from: Wall; to: Wall }

/** How a month's rounds went, in a zone or (none) all of the site. What is unknown is neither good nor bad. */
export interface Compliance {
  month: string; zone: Zone | null;
  done: number; late: number; short: number; missed: number; unknown: number; excused: number;
  in_time: number | null; made: number | null;
}

/** How many of those who passed in one of the day's windows were measured. */
export interface MeasuredWindow {
  zone: Zone | null; start: Wall; end: Wall;
  passed: number; unclear: number; measured: number; share: number | null; watched: number; without: string[];
  gaps: { lane: string; from: Wall; to: Wall; why: GapReason }[];
}

export type GapReason = 'out_of_reach' | 'no_thermometer' | 'nobody_measured';

export interface Throughput {
  lane: string; from: Wall; to: Wall; passed: number; screened: number;
  per_minute: number; seconds_between: number | null; second_lane: boolean;
}

export interface EntryDay { date: string; admitted: number; refused: number; isolated: number; released: number }

/** `present` is `in` minus `released`. */
export interface Isolation { in: number; released: number; present: number; days: EntryDay[] }

export interface Fault { sensor: string; code: FaultCode; since: Wall }

/** `coverage` is the watched share of the part of the hour that has passed. */
export interface HourBar { time: Wall; in: number | null; out: number | null; coverage: number }

export interface Lane {
  id: string;
  kind: LaneKind;
  leads_to: 'site' | Zone;
  name: Name | null;
  in: number;
  out: number;
  unclear: number;
  screened: number;
  fevers: number;
  baseline_c: number | null;
  warming_up: boolean;
  last_at: Wall | null;
  state: Freshness;
  state_since: Wall | null;
  catching_up: boolean;
  as_of: Wall | null;
  coverage: number;
  uncovered_s: number;
  hours: HourBar[];
  faults: Fault[];
}

export interface Measured {
  value: number | null;
  at: Wall | null;
  interval_s: number | null;
  state: Freshness;
  state_since: Wall | null;
}

export interface Proof {
  round: string;
  unit: string | null;
  started: Wall;
  ended: Wall | null;
  litres: number;
  pump_s: number;
  points: string[];
  evidence: string;
}

export interface Slot {
  id: string;
  zone: Zone;
  date: string;
  number: number;
  start: Wall;
  end: Wall;
  verdict: Verdict;
  since: Wall;
  proof: Proof | null;
  history: { at: Wall; verdict: Verdict }[];
}

export interface ZoneView {
  id: Zone;
  used: boolean;
  name: Name | null;
  ambient: Measured;
  headcount: Headcount | null;
  slots: Slot[];
  units_online: number;
  units_total: number;
}

export interface Unit {
  id: string;
  state: UnitState;
  contact_at: Wall | null;
  data_at: Wall | null;
  interval_s: number;
  waiting: number;
  catching_up: boolean;
  clock: UnitClock | null;
  version: string | null;
  lanes: string[];
  zones: Zone[];
  faults: Fault[];
  lost: number;
  /** How far each of its logs is in the record. */
  logs: { log: string; through: number; lost: number }[];
}

export interface SiteSnapshot extends Troubled {
  id: string;
  name: Name;
  time_zone: string;
  local_date: string;
  day_start: Wall;
  day_end: Wall;
  headcount: Headcount | null;
  today: Today;
  lanes: Lane[];
  zones: ZoneView[];
  units: Unit[];
  alerts: Alert[];
}

export type Cell = string | number | null;
export interface Series { columns: string[]; rows: Cell[][] }

/** RFC 9457, with the stable `code` that the page translates. */
export interface Problem { code: string; title: string; status: number; detail?: string; alert?: Alert }
