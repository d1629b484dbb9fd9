// How this page reaches its streams: through the worker that all tabs share, or by itself where there is none.

import type { Message, Request, Scope } from './protocol.ts';
import { Switchboard } from './switchboard.ts';

type Ask = (request: Request) => void;
type Take = (message: Message) => void;

export interface Transport {
  ask: Ask;
  /** Without a shared worker each stream costs this tab one of the browser's six connections. */
  readonly shared: boolean;
}

export function transport(take: Take): Transport {
  const scopes = new Set<Scope>();
  const visible = (): Request => ({ type: 'visible', visible: !document.hidden });
  const alone = () => new Switchboard().connect(take);
  // A worker that cannot be loaded says so late: what was asked of it is then asked again.
  let worker = shared(take, () => {
    worker = null;
    reach = alone();
    reach(visible());
    for (const scope of scopes) reach({ type: 'join', scope });
  });
  let reach: Ask = worker ?? alone();

  const ask: Ask = (request) => {
    if (request.type === 'join') scopes.add(request.scope);
    if (request.type === 'leave') scopes.delete(request.scope);
    reach(request);
  };
  ask(visible());
  document.addEventListener('visibilitychange', () => {
    ask(visible());
    if (!document.hidden) ask({ type: 'nudge' });
  });
  window.addEventListener('online', () => ask({ type: 'nudge' }));
  return {
    ask,
    get shared() {
      return worker !== null;
    },
  };
}

function shared(take: Take, failed: () => void): Ask | null {
  if (typeof SharedWorker === 'undefined') return null;
  try {
    const worker = new SharedWorker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'gatepost' });
    worker.onerror = failed;
    worker.port.onmessage = (message: MessageEvent<Message>) => take(message.data);
    return (request) => worker.port.postMessage(request);
  } catch {
    return null;
  }
}
