// Holds one connection per scope for any number of pages, and keeps each scope's latest snapshot for who comes later.
//
// A connection is open while a page that is looked at wants it: browsers allow six connections to a server, and a
// hidden tab must not take one from a visible one.

import { Connection } from './connection.ts';
import type { Event, Message, Request, Scope } from './protocol.ts';
import { apply } from './reduce.ts';

/** A page's end. */
export type Send = (message: Message) => void;

interface Page { send: Send; scopes: Set<Scope>; visible: boolean }

interface Line {
  connection: Connection;
  hello: Event | null;
  snapshot: { rev: number; server_time: string; data: object } | null;
  /** When the last event came, the client's clock in milliseconds. */
  at: number;
}

export class Switchboard {
  #pages = new Set<Page>();
  #lines = new Map<Scope, Line>();

  /** Adds a page; what it asks for goes to the function returned. */
  connect(send: Send): (request: Request) => void {
    const page: Page = { send, scopes: new Set(), visible: true };
    this.#pages.add(page);
    return (request) => {
      switch (request.type) {
        case 'join':
          page.scopes.add(request.scope);
          this.#welcome(page, request.scope);
          break;
        case 'leave':
          page.scopes.delete(request.scope);
          break;
        case 'visible':
          page.visible = request.visible;
          break;
        case 'nudge':
          for (const line of this.#lines.values()) line.connection.nudge();
          break;
        case 'bye':
          page.scopes.clear();
          page.visible = false;
          break;
      }
      this.#settle();
    };
  }

  #welcome(page: Page, scope: Scope): void {
    const line = this.#lines.get(scope);
    if (!line) return;
    const say = (event: Event) => page.send({ scope, at: line.at, event });
    say({ type: 'link', link: line.connection.link });
    if (line.hello) say(line.hello);
    if (line.snapshot) say({ type: 'snapshot', ...line.snapshot });
  }

  #settle(): void {
    const wanted = new Set([...this.#pages].filter((page) => page.visible).flatMap((page) => [...page.scopes]));
    const known = new Set([...this.#pages].flatMap((page) => [...page.scopes]));
    for (const scope of wanted) this.#line(scope).connection.open();
    for (const [scope, line] of this.#lines) {
      if (!wanted.has(scope)) line.connection.pause();
      if (!known.has(scope)) this.#lines.delete(scope);
    }
  }

  #line(scope: Scope): Line {
    const known = this.#lines.get(scope);
    if (known) return known;
    const line: Line = {
      connection: new Connection(scope, (event) => this.#take(scope, line, event)),
      hello: null,
      snapshot: null,
      at: 0,
    };
    this.#lines.set(scope, line);
    return line;
  }

  #take(scope: Scope, line: Line, event: Event): void {
    if (event.type !== 'link') line.at = Date.now();
    if (event.type === 'hello') line.hello = event;
    if (event.type === 'snapshot') line.snapshot = { rev: event.rev, server_time: event.server_time, data: event.data };
    if (event.type === 'delta' && line.snapshot) {
      line.snapshot = {
        rev: event.rev,
        server_time: event.server_time,
        data: apply(line.snapshot.data, event.t),
      };
    }
    for (const page of this.#pages) {
      if (page.scopes.has(scope)) page.send({ scope, at: line.at, event });
    }
  }
}
