// The streams of all tabs of this browser, in one place.

import type { Request } from './protocol.ts';
import { Switchboard } from './switchboard.ts';

const switchboard = new Switchboard();

// The DOM's types do not know a shared worker's own scope.
(globalThis as unknown as { onconnect: (event: MessageEvent) => void }).onconnect = (event) => {
  const port = event.ports[0] as MessagePort;
  const ask = switchboard.connect((message) => port.postMessage(message));
  port.onmessage = (message: MessageEvent<Request>) => ask(message.data);
};
