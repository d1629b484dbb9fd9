// What an alert's text is made of: names already in the reader's language, figures already formatted. An empty string
// stands for what the hub did not say.

export interface AlertFacts {
  unit: string;
  lane: string;
  zone: string;
  sensor: string;
  /** What else names the one thing that is wrong: a channel, a log. */
  id: string;
  /** In the words of the part that does not work. */
  detail: string;
  slot: string;
  /** A site-local time of day. */
  end: string;
  skin: string;
  delta: string;
  n: string;
  code: string;
  fault: string;
  seconds: string;
  /** A site-local day. */
  ends: string;
  /** Whose certificate: `unit` or `broker`. */
  of: string;
}
