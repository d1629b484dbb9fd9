// The reader's own settings besides the language.

import { store, stored } from './stored.ts';

export const THEMES = ['system', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

class Settings {
  theme = $state<Theme>('system');
  /** Single-key shortcuts can be switched off: they disturb speech input. */
  keys = $state(true);

  start(): void {
    this.theme = THEMES.find((theme) => theme === stored('theme')) ?? 'system';
    this.keys = stored('keys') !== 'off';
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

  #show(): void {
    const root = document.documentElement;
    if (this.theme === 'system') delete root.dataset.theme;
    else root.dataset.theme = this.theme;
  }
}

export const settings = new Settings();
