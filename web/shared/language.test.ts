import { describe, expect, it } from 'vitest';
import { pickLanguage, pickLocale } from './language';

describe('pickLanguage', () => {
  it('keeps what was chosen before', () => {
    expect(pickLanguage('en', ['es-GT'])).toBe('en');
  });

  it('follows the order of the browser', () => {
    expect(pickLanguage(null, ['fr-FR', 'en-GB', 'es'])).toBe('en');
  });

  it('ignores a remembered value that is no language of the page', () => {
    expect(pickLanguage('tlh', ['en'])).toBe('en');
  });

  it('is Spanish where no language is shared', () => {
    expect(pickLanguage(null, ['fr-FR', 'de'])).toBe('es');
  });
});

describe('pickLocale', () => {
  it('is the variant of the browser', () => {
    expect(pickLocale('es', ['en-US', 'es-GT', 'es'])).toBe('es-GT');
  });

  it('is the language itself where the browser has no variant of it', () => {
    expect(pickLocale('es', ['en-US'])).toBe('es');
  });
});
