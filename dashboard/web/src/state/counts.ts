// Open alerts of all sites together.

import type { Severity, SiteRow } from '../api/types.ts';

export interface OpenCounts extends Record<Severity, number> {
  all: number;
  unacknowledged: number;
  /** Whether some alert of that severity may be unanswered: each site says how many of all its alerts are. */
  unanswered: Record<Severity, boolean>;
}

export function counts(sites: readonly SiteRow[]): OpenCounts {
  const sum: OpenCounts = {
    critical: 0, major: 0, minor: 0, all: 0, unacknowledged: 0,
    unanswered: { critical: false, major: false, minor: false },
  };
  for (const { alerts, worst } of sites) {
    sum.critical += alerts.critical;
    sum.major += alerts.major;
    sum.minor += alerts.minor;
    sum.unacknowledged += alerts.unacknowledged;
    // A site's worst alert is unanswered unless all of its severity are answered.
    if (worst?.state === 'raised') sum.unanswered[worst.severity] = true;
  }
  sum.all = sum.critical + sum.major + sum.minor;
  return sum;
}
