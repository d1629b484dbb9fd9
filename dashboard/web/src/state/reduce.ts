// What a delta does to a snapshot: apply(snapshot, changes) = the later snapshot.
//
// A path is empty for the snapshot itself, else `collection/id`. Items that do not change keep their identity, so
// that the page touches only what did.

/** `[path, field, value]` sets a field, `[path, null, null]` removes an item. */
export type Change = [path: string, field: string | null, value: unknown];

type Item = { id: string | number } & Record<string, unknown>;

export function apply<T extends object>(snapshot: T, changes: readonly Change[]): T {
  const next = { ...snapshot } as Record<string, unknown>;
  // What this call has copied already and may write to.
  const collections = new Map<string, Item[]>();
  const items = new Map<string, Item>();

  const collection = (name: string): Item[] => {
    let copy = collections.get(name);
    if (!copy) {
      copy = [...((next[name] as Item[] | undefined) ?? [])];
      collections.set(name, copy);
      next[name] = copy;
    }
    return copy;
  };

  for (const [path, field, value] of changes) {
    if (path === '') {
      if (field !== null) {
        next[field] = value;
        forget(field, collections, items);
      }
      continue;
    }
    const slash = path.indexOf('/');
    const name = path.slice(0, slash);
    const id = path.slice(slash + 1);
    const list = collection(name);
    const at = list.findIndex((item) => String(item.id) === id);
    if (field === null) {
      if (at >= 0) list.splice(at, 1);
      items.delete(path);
      continue;
    }
    let item = items.get(path);
    if (!item) {
      item = at >= 0 ? { ...(list[at] as Item) } : { id: name === 'alerts' ? Number(id) : id };
      items.set(path, item);
      if (at >= 0) list[at] = item;
      else list.push(item);
    }
    (item as Record<string, unknown>)[field] = value;
  }
  return next as T;
}

/** A collection that is replaced as a whole makes its copies void. */
function forget(name: string, collections: Map<string, Item[]>, items: Map<string, Item>): void {
  collections.delete(name);
  for (const path of items.keys()) if (path.startsWith(`${name}/`)) items.delete(path);
}
