// The reader's own settings besides the language.

import { store, stored } from './stored.ts';

export const THEMES = ['system', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

class Settings {
  theme = $state<Theme>('system');
  /** Single-key shortcuts can be switched off: they disturb speech input. */
  keys = $state(true);
  /** Who says what is said here; empty for the operator on duty. */
  name = $state('');

  start(): void {
    this.theme = THEMES.find((theme) => theme === stored('theme')) ?? 'system';
    this.keys = stored('keys') !== 'off';
    this.name = stored('name') ?? '';
    this.#show();
  }

  setTheme(theme: Theme): void {
    this.theme = theme;
    store('theme', theme === 'system' ? null : theme);
    this.#show();
  }

  setKeys(on: boolean): void {
    this.keys = on;
    store('keys', on ? null : 'off');
  }

  setName(name: string): void {
    this.name = name.trim();
    store('name', this.name || null);
  }

  #show(): void {
    const root = document.documentElement;
    if (this.theme === 'system') delete root.dataset.theme;
    else root.dataset.theme = this.theme;
  }
}

export const settings = new Settings();
