// What every part of a site's page needs.

import type { SiteSnapshot } from '../../api/types.ts';
import type { Now } from '../../i18n/tile-text.ts';

export interface SiteProps { site: SiteSnapshot; now: Now }
