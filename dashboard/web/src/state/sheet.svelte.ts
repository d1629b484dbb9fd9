// The alert that a person works on in a sheet over the page.

import type { Alert } from '../api/types.ts';
import type { Place } from '../i18n/alert-text.ts';

class Sheet {
  alert = $state.raw<Alert | null>(null);
  place = $state.raw<Place>({ time_zone: 'UTC' });

  open(alert: Alert, place: Place): void {
    this.place = place;
    this.alert = alert;
  }

  close(): void {
    this.alert = null;
  }
}

export const sheet = new Sheet();
