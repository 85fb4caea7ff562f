/** What a view needs to say anything: the messages of one language, the formats of one locale. */
import { formatsFor, type Formats } from './format';
import { pickLocale, type Language } from './language';
import { messagesIn, type MessageKey, type Messages } from './messages';

export interface Wording {
  readonly language: Language;
  readonly messages: Messages;
  readonly formats: Formats;
}

export function wordingFor(language: Language, preferred: readonly string[]): Wording {
  return {
    language,
    messages: messagesIn[language],
    formats: formatsFor(pickLocale(language, preferred)),
  };
}

/** Puts the messages that `index.html` names into their elements, and the language on the root. */
export function translate(document: Document, { language, messages }: Wording): void {
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll<HTMLElement>('[data-i18n]')) {
    element.textContent = messages[element.dataset['i18n'] as MessageKey];
  }
  for (const element of document.querySelectorAll<HTMLElement>('[data-i18n-label]')) {
    element.ariaLabel = messages[element.dataset['i18nLabel'] as MessageKey];
  }
}
