import type {
  Alert, Compliance, Downtime, HandOver, Isolation, MeasuredWindow, Problem, Recipient, Series, SiteRow, SiteSnapshot, Throughput,
} from './types.ts';

const BASE = '/api/v1';
const TIMEOUT_MS = 15_000;

/** A request that was answered with a problem, or (`network`) not at all. */
export class ApiError extends Error {
  constructor(readonly code: string, readonly problem: Problem | null) {
    super(code);
  }
}

/** One line of a series with its columns by name. */
export interface Row { time: number; value: number | null; min: number | null; max: number | null; coverage: number }

export function sites(): Promise<{ sites: SiteRow[] }> {
  return request('/sites');
}

export function site(id: string): Promise<SiteSnapshot> {
  return request(`/sites/${encodeURIComponent(id)}`);
}

export async function openAlerts(): Promise<Alert[]> {
  const { alerts } = await request<{ alerts: Alert[] }>('/alerts?limit=1000');
  return alerts;
}

export async function series(siteId: string, query: Record<string, string>): Promise<Row[]> {
  const answer = await request<Series>(`/sites/${encodeURIComponent(siteId)}/series?${new URLSearchParams(query)}`);
  return rows(answer);
}

/** Tells the hub that somebody has the alert; answers with the alert as it is now. */
export async function acknowledge(alert: Alert): Promise<Alert> {
  return unwrap(await change<Alert | { alert: Alert }>(`/alerts/${alert.id}/acknowledge`, { version: alert.version }));
}

/** Changes something; answers with what it is now. The same key again is the same change again, for a day. */
export function change<T>(path: string, body: Record<string, unknown>, key?: string): Promise<T> {
  return request<T>(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(key ? { 'idempotency-key': key } : {}) },
    body: JSON.stringify(body),
  });
}

/** Who is told of what is wrong on a site. */
export async function recipients(site: string): Promise<Recipient[]> {
  const { recipients } = await request<{ recipients: Recipient[] }>(`/sites/${encodeURIComponent(site)}/recipients`);
  return recipients;
}

/** When the hub itself was down, newest first. */
export async function downtimes(): Promise<Downtime[]> {
  const { downtimes } = await request<{ downtimes: Downtime[] }>('/downtimes');
  return downtimes;
}

/** How planned rounds went in the last year, by month and zone. */
export async function compliance(site: string): Promise<Compliance[]> {
  const { compliance } = await request<{ compliance: Compliance[] }>(`/sites/${encodeURIComponent(site)}/compliance`);
  return compliance;
}

/** How many of those who passed today were measured, by window. */
export async function measured(site: string): Promise<MeasuredWindow[]> {
  const { measured } = await request<{ measured: MeasuredWindow[] }>(`/sites/${encodeURIComponent(site)}/measured`);
  return measured;
}

/** How fast people and vehicles come through each lane. */
export async function throughput(site: string): Promise<Throughput[]> {
  const { throughput } = await request<{ throughput: Throughput[] }>(`/sites/${encodeURIComponent(site)}/throughput`);
  return throughput;
}

/** The isolation register. */
export function isolation(site: string): Promise<Isolation> {
  return request(`/sites/${encodeURIComponent(site)}/isolation`);
}

/** Hand-overs of a site's shifts, newest first. */
export async function handOvers(site: string): Promise<HandOver[]> {
  const { hand_overs } = await request<{ hand_overs: HandOver[] }>(`/sites/${encodeURIComponent(site)}/hand-overs`);
  return hand_overs;
}

export function oneAlert(id: number): Promise<Alert> {
  return request<Alert>(`/alerts/${id}`);
}

export function unwrap(answer: Alert | { alert: Alert }): Alert {
  return 'alert' in answer ? answer.alert : answer;
}

/** Counts come as `n`, measures as `n, min, mean, max`: either way one `value`. */
export function rows({ columns, rows: cells }: Series): Row[] {
  const column = (name: string) => columns.indexOf(name);
  const [time, n, mean, min, max, coverage] = ['time', 'n', 'mean', 'min', 'max', 'coverage'].map(column) as
    [number, number, number, number, number, number];
  const number = (row: (string | number | null)[], at: number) => {
    const cell = row[at];
    return typeof cell === 'number' ? cell : null;
  };
  return cells.map((row) => ({
    time: Date.parse(String(row[time])),
    value: number(row, mean >= 0 ? mean : n),
    min: number(row, min),
    max: number(row, max),
    coverage: number(row, coverage) ?? 0,
  }));
}

async function request<T>(path: string, init: RequestInit = {}): Promise<T> {
  let response: Response;
  try {
    response = await fetch(BASE + path, { ...init, signal: AbortSignal.timeout(TIMEOUT_MS) });
  } catch {
    throw new ApiError('network', null);
  }
  const body: unknown = await response.json().catch(() => null);
  if (!response.ok) {
    const problem = body as Problem | null;
    throw new ApiError(problem?.code ?? 'unavailable', problem);
  }
  return body as T;
}
