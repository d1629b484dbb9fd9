// How this page reaches its streams: through the worker that all tabs share, or by itself where there is none.

import type { Message, Request } from './protocol.ts';
import { Switchboard } from './switchboard.ts';

export interface Transport {
  ask(request: Request): void;
  /** Without a shared worker each stream costs this tab one of the browser's six connections. */
  shared: boolean;
}

export function transport(take: (message: Message) => void): Transport {
  const reached = shared(take) ?? alone(take);
  const visible = () => reached.ask({ type: 'visible', visible: !document.hidden });
  visible();
  document.addEventListener('visibilitychange', () => {
    visible();
    if (!document.hidden) reached.ask({ type: 'nudge' });
  });
  window.addEventListener('online', () => reached.ask({ type: 'nudge' }));
  return reached;
}

function alone(take: (message: Message) => void): Transport {
  return { ask: new Switchboard().connect(take), shared: false };
}

function shared(take: (message: Message) => void): Transport | null {
  if (typeof SharedWorker === 'undefined') return null;
  try {
    const worker = new SharedWorker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'gatepost' });
    worker.port.onmessage = (message: MessageEvent<Message>) => take(message.data);
    return { ask: (request) => worker.port.postMessage(request), shared: true };
  } catch {
    return null;
  }
}
