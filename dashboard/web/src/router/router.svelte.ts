// Where the reader is. Links are ordinary links; those to this page's own routes do not load it again.

import { match, type Route } from './match.ts';

class Router {
  route = $state.raw<Route>({ page: 'missing' });
  /** Grows with each step to another page, for what must happen then. */
  steps = $state(0);

  start(): void {
    this.#read();
    window.addEventListener('popstate', () => this.#read());
    document.addEventListener('click', (event) => this.#click(event));
  }

  go(url: string): void {
    if (url !== location.pathname + location.search) history.pushState(null, '', url);
    this.#read();
    window.scrollTo(0, 0);
    this.steps += 1;
  }

  /** Another view of the same page: the back button leads to the page before, not to the view before. */
  replace(url: string): void {
    history.replaceState(null, '', url);
    this.#read();
  }

  #read(): void {
    this.route = match(location.pathname, location.search);
  }

  #click(event: MouseEvent): void {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = (event.target as Element).closest('a');
    if (!link || link.target || link.hasAttribute('download') || link.origin !== location.origin) return;
    if (link.hash || link.pathname.startsWith('/api/')) return;
    event.preventDefault();
    this.go(link.pathname + link.search);
  }
}

export const router = new Router();
