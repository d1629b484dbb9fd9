// The active language: its words and formats. Only the active dictionary is loaded.

import type { Name } from '../api/types.ts';
import { stored, store } from '../state/stored.ts';
import { Format } from './format.ts';
import type { Messages } from './zh-CN.ts';

export const LANGUAGES = ['zh-CN', 'en'] as const;
export type Language = (typeof LANGUAGES)[number];

const LOAD: Record<Language, () => Promise<{ messages: Messages }>> = {
  'zh-CN': () => import('./zh-CN.ts'),
  en: () => import('./en.ts'),
};
const KEY = 'language';

class I18n {
  #m = $state.raw<Messages | null>(null);
  #format = $derived(this.#m && new Format(this.#m));

  /** The words. Nothing is shown before they are loaded. */
  get m(): Messages {
    if (!this.#m) throw new Error('no language is loaded');
    return this.#m;
  }

  get format(): Format {
    if (!this.#format) throw new Error('no language is loaded');
    return this.#format;
  }

  get language(): Language {
    return this.m.lang as Language;
  }

  /** A name in the reader's language; the other language where it has none. */
  name(name: Name): string {
    return this.language === 'en' ? name.en || name.zh : name.zh || name.en;
  }

  async start(search: string): Promise<void> {
    await this.#load(choose(search, stored(KEY), navigator.languages));
  }

  async choose(language: Language): Promise<void> {
    store(KEY, language);
    await this.#load(language);
  }

  async #load(language: Language): Promise<void> {
    const { messages } = await LOAD[language]();
    this.#m = messages;
    document.documentElement.lang = language;
  }
}

export const i18n = new I18n();

/** `?lang=` for once, then the stored choice, then the browser's languages, then Chinese. */
export function choose(search: string, kept: string | null, wished: readonly string[]): Language {
  const candidates = [new URLSearchParams(search).get('lang'), kept, ...wished];
  for (const candidate of candidates) {
    const language = LANGUAGES.find((known) => candidate?.toLowerCase().startsWith(known.slice(0, 2)));
    if (language) return language;
  }
  return 'zh-CN';
}
