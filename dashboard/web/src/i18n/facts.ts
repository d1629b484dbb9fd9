// What an alert's text is made of: names already in the reader's language, figures already formatted. An empty string
// stands for what the hub did not say.

export interface AlertFacts {
  unit: string;
  lane: string;
  zone: string;
  sensor: string;
  slot: string;
  /** A site-local time of day. */
  end: string;
  skin: string;
  delta: string;
  n: string;
  code: string;
  fault: string;
  seconds: string;
}
