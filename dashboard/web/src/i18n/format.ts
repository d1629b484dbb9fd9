// Numbers, times and lengths as people read them. Pure: everything is given.

import type { Messages } from './zh-CN.ts';

const MINUTE = 60;
const HOUR = 3600;
const DAY = 86_400;

export class Format {
  #cache = new Map<string, Intl.DateTimeFormat>();
  #whole: Intl.NumberFormat;
  #tenth: Intl.NumberFormat;
  #signed: Intl.NumberFormat;
  #percent: Intl.NumberFormat;
  /** en-GB: the day before the month and no commas in between. */
  readonly locale: string;

  constructor(private readonly m: Messages) {
    this.locale = m.lang === 'en' ? 'en-GB' : m.lang;
    this.#whole = new Intl.NumberFormat(this.locale, { maximumFractionDigits: 0 });
    this.#tenth = new Intl.NumberFormat(this.locale, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
    this.#signed = new Intl.NumberFormat(this.locale, {
      minimumFractionDigits: 1, maximumFractionDigits: 1, signDisplay: 'always',
    });
    this.#percent = new Intl.NumberFormat(this.locale, { style: 'percent', maximumFractionDigits: 1 });
  }

  count(n: number): string {
    return this.#whole.format(n);
  }

  /** One decimal: temperatures, litres. */
  tenth(n: number): string {
    return this.#tenth.format(n);
  }

  signed(n: number): string {
    return this.#signed.format(n);
  }

  /** A share from 0 to 1. Never rounded up to the whole. */
  share(n: number): string {
    return this.#percent.format(n < 1 ? Math.min(n, 0.999) : 1);
  }

  /** `14:05`. */
  time(at: number, zone: string): string {
    return this.#dates({ timeZone: zone, hour: '2-digit', minute: '2-digit' }).format(at);
  }

  /** `14:05:18`. */
  seconds(at: number, zone: string): string {
    return this.#dates({ timeZone: zone, hour: '2-digit', minute: '2-digit', second: '2-digit' }).format(at);
  }

  /** The hour of the day, two digits. */
  hour(at: number, zone: string): string {
    return this.#dates({ timeZone: zone, hour: '2-digit' }).format(at).replace(/\D/g, '');
  }

  /** `6月24日 周三`, `Wed 24 Jun`. */
  date(at: number, zone: string): string {
    const weekday = this.#dates({ timeZone: zone, weekday: 'short' }).format(at);
    return this.m.lang === 'en' ? `${weekday} ${this.day(at, zone)}` : `${this.day(at, zone)} ${weekday}`;
  }

  /** `6月24日`, `24 Jun`. */
  day(at: number, zone: string): string {
    return this.#dates({ timeZone: zone, month: 'short', day: 'numeric' }).format(at);
  }

  /** The time alone on the same local day as `now`, the day before it otherwise. */
  moment(at: number, zone: string, now: number): string {
    const same = this.#localDay(at, zone) === this.#localDay(now, zone);
    return same ? this.time(at, zone) : `${this.day(at, zone)} ${this.time(at, zone)}`;
  }

  /** A moment that says "today" itself. */
  momentToday(at: number, zone: string, now: number): string {
    const same = this.#localDay(at, zone) === this.#localDay(now, zone);
    return same ? this.m.time.today(this.time(at, zone)) : this.moment(at, zone, now);
  }

  /** `UTC+8`. */
  zone(at: number, zone: string): string {
    const parts = this.#dates({ timeZone: zone, timeZoneName: 'shortOffset', hour: '2-digit' }).formatToParts(at);
    const name = parts.find((part) => part.type === 'timeZoneName')?.value ?? zone;
    return name.replace(/^GMT/, 'UTC').replace(/\+0$/, '');
  }

  /** Whether clocks in both zones show the same at that moment. */
  sameClock(at: number, a: string, b: string): boolean {
    return this.zone(at, a) === this.zone(at, b);
  }

  /** A length in its two largest units; from an hour on without seconds. Seconds in, at least 0. */
  length(seconds: number): string {
    const s = Math.max(0, Math.floor(seconds));
    const { time } = this.m;
    if (s < MINUTE) return time.seconds(s);
    if (s < HOUR) return s % MINUTE ? time.minutesSeconds(Math.floor(s / MINUTE), s % MINUTE) : time.minutes(s / MINUTE);
    return this.coarse(s);
  }

  /** A length without seconds, for what changes slowly. A started minute counts. */
  coarse(seconds: number): string {
    const { time } = this.m;
    const s = Math.max(0, seconds);
    if (s < HOUR) return time.minutes(Math.ceil(s / MINUTE));
    if (s < DAY) {
      const minutes = Math.floor((s % HOUR) / MINUTE);
      return minutes ? time.hoursMinutes(Math.floor(s / HOUR), minutes) : time.hours(Math.floor(s / HOUR));
    }
    const hours = Math.floor((s % DAY) / HOUR);
    return hours ? time.daysHours(Math.floor(s / DAY), hours) : time.days(Math.floor(s / DAY));
  }

  /** How long something has been open: `1:12`, then `12 分`, then `3 时 5 分`. */
  open(seconds: number): string {
    const s = Math.max(0, Math.floor(seconds));
    if (s < 10 * MINUTE) return `${Math.floor(s / MINUTE)}:${String(s % MINUTE).padStart(2, '0')}`;
    return s < HOUR ? this.m.time.minutes(Math.floor(s / MINUTE)) : this.coarse(s);
  }

  /** `00:42`, `01:10:05`: a stopwatch. */
  watch(seconds: number): string {
    const s = Math.max(0, Math.floor(seconds));
    const two = (n: number) => String(n).padStart(2, '0');
    const rest = `${two(Math.floor((s % HOUR) / MINUTE))}:${two(s % MINUTE)}`;
    return s < HOUR ? rest : `${two(Math.floor(s / HOUR))}:${rest}`;
  }

  /** A length in one unit below an hour: how old something is that is old. */
  roughly(seconds: number): string {
    const s = Math.max(0, Math.floor(seconds));
    if (s < MINUTE) return this.m.time.seconds(s);
    return s < HOUR ? this.m.time.minutesLong(Math.floor(s / MINUTE)) : this.coarse(s);
  }

  /** An age: relative below an hour, a moment after that. */
  age(at: number, now: number, zone: string, exact = false): string {
    const s = Math.max(0, Math.floor((now - at) / 1000));
    if (s >= HOUR) return this.moment(at, zone, now);
    return this.m.time.ago(exact ? this.length(s) : this.roughly(s));
  }

  #localDay(at: number, zone: string): string {
    return this.#dates({ timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit' }).format(at);
  }

  #dates(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
    const key = JSON.stringify(options);
    let format = this.#cache.get(key);
    if (!format) {
      format = new Intl.DateTimeFormat(this.locale, { ...options, hourCycle: 'h23' });
      this.#cache.set(key, format);
    }
    return format;
  }
}

/** The zone that this computer is in. */
export function viewerZone(): string {
  return new Intl.DateTimeFormat().resolvedOptions().timeZone;
}
