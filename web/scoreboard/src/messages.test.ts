import { describe, expect, it } from 'vitest';
import page from '../index.html?raw';
import { messagesIn } from './messages';

const sources = import.meta.glob<string>(
  ['./**/*.ts', '../../shared/*.ts', '!../../**/messages.ts', '!../../**/*.test.ts'],
  { eager: true, query: '?raw', import: 'default' },
);
const everything = [page, ...Object.values(sources)].join('\n');
const keys = Object.keys(messagesIn.es);

const placesOf = (message: string): string[] => (message.match(/\{\w+\}/g) ?? []).sort();

describe('the messages', () => {
  it('has every text that the page names', () => {
    const named = [...page.matchAll(/data-i18n(?:-label)?="([^"]+)"/g)].map((match) => match[1]);
    expect(named.filter((key) => key === undefined || !keys.includes(key))).toEqual([]);
    expect(named.length).toBeGreaterThan(40);
  });

  it('holds no text that the page never shows', () => {
    const built = /^(link|failed)\.(connecting|live|reconnecting|offline|unreachable|refused|unreadable)$/;
    const unused = keys.filter(
      (key) => !built.test(key) && !new RegExp(`['"]${key}['"]`).test(everything),
    );
    expect(unused).toEqual([]);
  });

  it.each(Object.entries(messagesIn.es))('fills the same places in both languages: %s', (key, spanish) => {
    const english = messagesIn.en[key as keyof typeof messagesIn.en];
    expect(placesOf(english)).toEqual(placesOf(spanish));
  });
});
