/**
 * The wording of a page: the messages of one language and the formats of one locale.
 *
 * The texts of `index.html` name their message in `data-i18n` (the content) or `data-i18n-label` (the
 * accessible name). The button `#language` switches to the other language.
 */
import { byId } from './dom';
import { formatsFor, type Formats } from './format';
import { otherLanguage, pickLanguage, pickLocale, type Language } from './language';
import type { Messages } from './messages';
import type { Remembered } from './remembered';

/** `Key`: the messages that its user needs. */
export interface Wording<Key extends string> {
  readonly language: Language;
  readonly messages: Messages<Key>;
  readonly formats: Formats;
}

export interface WordingOptions<Key extends string> {
  readonly messagesIn: Readonly<Record<Language, Messages<Key>>>;
  /** The browser's languages, most wanted first. */
  readonly preferred: readonly string[];
  readonly remembered: Remembered;
  /** Called after the page speaks another language, not for the first one. */
  readonly onChange: () => void;
}

export interface WordingSwitch<Key extends string> {
  readonly current: Wording<Key>;
}

/** Puts the first language on the page at once. */
export function startWording<Key extends string>(
  options: WordingOptions<Key>,
): WordingSwitch<Key> {
  const { messagesIn, preferred, remembered, onChange } = options;
  const button = byId('language');
  let current = speak(pickLanguage(remembered.recall('language'), preferred));

  function speak(language: Language): Wording<Key> {
    const locale = pickLocale(language, preferred);
    const wording = { language, messages: messagesIn[language], formats: formatsFor(locale) };
    translate(document, wording);
    // The button names the other language, in that language.
    button.lang = otherLanguage(language);
    return wording;
  }

  button.addEventListener('click', () => {
    current = speak(otherLanguage(current.language));
    remembered.remember('language', current.language);
    onChange();
  });
  return {
    get current() {
      return current;
    },
  };
}

function translate<Key extends string>(
  page: Document,
  { language, messages }: Wording<Key>,
): void {
  page.documentElement.lang = language;
  for (const element of page.querySelectorAll<HTMLElement>('[data-i18n]')) {
    element.textContent = messages[element.dataset['i18n'] as Key];
  }
  for (const element of page.querySelectorAll<HTMLElement>('[data-i18n-label]')) {
    element.ariaLabel = messages[element.dataset['i18nLabel'] as Key];
  }
}
