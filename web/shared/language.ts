/**
 * The language of the page, and the locale that writes its numbers.
 *
 * These are two choices. Guatemala and Spain read the same Spanish, but one writes 1,234.5 and the
 * other 1.234,5. The browser's list of languages decides both.
 */

export type Language = 'es' | 'en';

/** The remembered choice, else the first of the browser's languages that the page has, else Spanish. */
export function pickLanguage(remembered: string | null, preferred: readonly string[]): Language {
  for (const tag of [remembered ?? '', ...preferred]) {
    const language = primaryOf(tag);
    if (language === 'es' || language === 'en') return language;
  }
  return 'es';
}

/** The browser's variant of the language (es-GT), else the language itself. */
export function pickLocale(language: Language, preferred: readonly string[]): string {
  return preferred.find((tag) => primaryOf(tag) === language) ?? language;
}

export function otherLanguage(language: Language): Language {
  return language === 'es' ? 'en' : 'es';
}

function primaryOf(tag: string): string {
  return tag.split('-', 1)[0]?.toLowerCase() ?? '';
}
