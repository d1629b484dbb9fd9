// A planned round in words.

import type { Slot } from '../api/types.ts';
import type { Voice } from './alert-text.ts';

/** "上午" and "下午" where a day has one window in each, else when the window opens. */
export function slotLabel(slot: Slot, all: readonly Slot[], time_zone: string, { m, format }: Voice): string {
  const hours = all.map((each) => Number(format.hour(Date.parse(each.start), time_zone)));
  const [first, second] = hours;
  const split = all.length === 2 && first !== undefined && second !== undefined && first < 12 && second >= 12;
  if (!split) return format.time(Date.parse(slot.start), time_zone);
  return slot.id === all[0]?.id ? m.time.morning : m.time.afternoon;
}

/** The verdict with the time or figure that it turns on. */
export function slotText(slot: Slot, time_zone: string, { m, format }: Voice): string {
  const at = (time: string) => format.time(Date.parse(time), time_zone);
  const proof = slot.proof;
  switch (slot.verdict) {
    case 'done':
      return m.site.slotDone(at(proof?.ended ?? slot.since));
    case 'running':
      return m.site.slotRunning(at(proof?.started ?? slot.since));
    case 'due':
      return m.site.slotDue(at(slot.end));
    case 'upcoming':
      return m.site.slotUpcoming(at(slot.start));
    case 'missed':
      return m.site.slotMissed(at(slot.end));
    case 'late':
      return m.site.slotLate(at(proof?.ended ?? slot.since));
    case 'short':
      return proof ? m.site.slotShort(format.tenth(proof.litres)) : m.verdict.short;
    case 'unknown':
      return m.site.slotUnknown;
    case 'excused':
      return m.site.slotExcused;
    default:
      return slot.verdict;
  }
}

/** The verdict that a later proof corrected, if the one before the present was a judgement. */
export function slotWas(slot: Slot, { m }: Voice): string {
  const before = slot.history.at(-1)?.verdict;
  const judged = before === 'missed' || before === 'unknown' || before === 'short';
  return judged && before !== slot.verdict ? m.site.slotWas(m.verdict[before]) : '';
}
