// What this browser remembers for its user. A browser may refuse to remember anything.

const PREFIX = 'gatepost.';

export function stored(key: string): string | null {
  try {
    return localStorage.getItem(PREFIX + key);
  } catch {
    return null;
  }
}

export function store(key: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(PREFIX + key);
    else localStorage.setItem(PREFIX + key, value);
  } catch {
    // It then holds for this visit only.
  }
}
