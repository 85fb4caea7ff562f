import { describe, expect, it } from 'vitest';
import page from '../index.html?raw';
import { fill, messagesIn } from './messages';

const sources = import.meta.glob<string>(['./**/*.ts', '!./messages.ts', '!./**/*.test.ts'], {
  eager: true,
  query: '?raw',
  import: 'default',
});
const everything = [page, ...Object.values(sources)].join('\n');
const keys = Object.keys(messagesIn.es);

const placesOf = (message: string): string[] => (message.match(/\{\w+\}/g) ?? []).sort();

describe('the messages', () => {
  it('has every text that the page names', () => {
    const named = [...page.matchAll(/data-i18n(?:-label)?="([^"]+)"/g)].map((match) => match[1]);
    expect(named.filter((key) => key === undefined || !keys.includes(key))).toEqual([]);
    expect(named.length).toBeGreaterThan(40);
  });

  it('holds nothing that nobody says', () => {
    const built = /^(link|failed)\.(connecting|live|reconnecting|offline|unreachable|refused|unreadable)$/;
    const unsaid = keys.filter((key) => !built.test(key) && !new RegExp(`['"]${key}['"]`).test(everything));
    expect(unsaid).toEqual([]);
  });

  it.each(Object.entries(messagesIn.es))('fills the same places in both languages: %s', (key, spanish) => {
    const english = messagesIn.en[key as keyof typeof messagesIn.en];
    expect(placesOf(english)).toEqual(placesOf(spanish));
  });
});

describe('fill', () => {
  it('puts values in their places', () => {
    expect(fill('{a} y {b}, {a}', { a: '1', b: '2' })).toBe('1 y 2, 1');
  });

  it('leaves a name from the server as it is, even if it looks like a place', () => {
    expect(fill('{contest} en vivo', { contest: '{b} $& {contest}' })).toBe('{b} $& {contest} en vivo');
  });
});
