// What several units say together.

import { UNIT_STATES, type Unit, type Wall } from '../api/types.ts';

/** The last contact with any of them. */
export function newest(units: readonly Unit[]): Wall | null {
  return units.reduce<Wall | null>((best, { contact_at: at }) => {
    if (at === null) return best;
    return best === null || Date.parse(at) > Date.parse(best) ? at : best;
  }, null);
}

/** The silent before those with faults, those before the rest; then by name. */
export function unitsWorstFirst(units: readonly Unit[]): Unit[] {
  const rank = (unit: Unit) => [
    unit.state === 'online' ? 0 : UNIT_STATES.indexOf(unit.state) || 1,
    unit.faults.length + (unit.lost > 0 ? 1 : 0),
  ] as const;
  return [...units].sort((a, b) => {
    const [stateA, faultsA] = rank(a);
    const [stateB, faultsB] = rank(b);
    return stateB - stateA || faultsB - faultsA || (a.id < b.id ? -1 : 1);
  });
}
