// Which page an address means. Pure.

export type Route =
  | { page: 'fleet'; show: 'all' | 'needs' | 'incomplete' }
  | { page: 'site'; site: string }
  | { page: 'charts'; query: URLSearchParams }
  | { page: 'alerts'; site: string | null }
  | { page: 'wall' }
  | { page: 'missing' };

export function match(path: string, search: string): Route {
  const query = new URLSearchParams(search);
  const parts = path.split('/').filter(Boolean).map(decode);
  const [first, second] = parts;
  if (parts.length === 0) {
    const show = query.get('show');
    return { page: 'fleet', show: show === 'needs' || show === 'incomplete' ? show : 'all' };
  }
  if (first === 'sites' && second !== undefined && parts.length === 2) return { page: 'site', site: second };
  if (parts.length === 1) {
    if (first === 'charts') return { page: 'charts', query };
    if (first === 'alerts') return { page: 'alerts', site: query.get('site') };
    if (first === 'wall') return { page: 'wall' };
  }
  return { page: 'missing' };
}

export function sitePath(id: string): string {
  return `/sites/${encodeURIComponent(id)}`;
}

/** An address with the parameters that say something. */
export function withQuery(path: string, query: Record<string, string | null | undefined>): string {
  const kept = Object.entries(query).filter((entry): entry is [string, string] => Boolean(entry[1]));
  const text = new URLSearchParams(kept).toString();
  return text ? `${path}?${text}` : path;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
