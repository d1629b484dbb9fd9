// A change whose answer was lost may have been made. Until it is known what became of it, the same form is the same
// request with the same key, which the hub carries out once.

import { ApiError } from '../api/client.ts';

export interface Request { path: string; body: Record<string, unknown> }

export class Once {
  /** What was asked for and not answered, by the form's content. */
  #open = new Map<string, { request: Request; key: string }>();

  /** Sends what a form says; `make` is asked only if the same is not under way already. */
  async send<T>(form: unknown, make: () => Request, send: (request: Request, key: string) => Promise<T>): Promise<T> {
    const content = JSON.stringify(form);
    const known = this.#open.get(content) ?? { request: make(), key: newKey() };
    this.#open.set(content, known);
    try {
      const answer = await send(known.request, known.key);
      this.#open.delete(content);
      return answer;
    } catch (error) {
      if (isRefusal(error)) this.#open.delete(content);
      throw error;
    }
  }
}

/** The hub said no, so nothing was done. */
function isRefusal(error: unknown): boolean {
  const status = error instanceof ApiError ? (error.problem?.status ?? 0) : 0;
  return status >= 400 && status < 500;
}

/** `crypto.randomUUID` is there over HTTPS only. */
function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
