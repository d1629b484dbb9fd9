const STEPS_S = [1, 2, 5, 10, 30];

/** Milliseconds before the next try, `failures` tries in a row having failed; up to a quarter less by `random` in [0, 1). */
export function retryDelay(failures: number, random: number): number {
  const step = STEPS_S[Math.min(Math.max(failures, 1), STEPS_S.length) - 1] as number;
  return step * 1000 * (1 - random / 4);
}
