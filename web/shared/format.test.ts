import { describe, expect, it } from 'vitest';
import { formatsFor } from './format';

const es = formatsFor('es');
const guatemala = formatsFor('es-GT');
const en = formatsFor('en');

/** Spaces that do not break look like any other to a reader, and so to these tests. */
const plain = (text: string): string => text.replaceAll(/[\u00a0\u202f]/g, ' ');

describe('count', () => {
  it('groups thousands in Spanish, also those of four digits', () => {
    expect([999, 1234, 10_000_000_000].map(es.count)).toEqual(['999', '1.234', '10.000.000.000']);
  });

  it('follows the country', () => {
    expect([guatemala.count(1234), en.count(1234)]).toEqual(['1,234', '1,234']);
  });

  it('writes digits from 0 to 9 whatever the locale asks for', () => {
    expect(formatsFor('es-u-nu-arab').count(120)).toBe('120');
  });
});

describe('rate', () => {
  it('has a decimal only while that matters', () => {
    expect([0, 2.25, 7, 99.94, 100.4, 10234.5].map(en.rate)).toEqual([
      '0',
      '2.3',
      '7',
      '99.9',
      '100',
      '10,235',
    ]);
  });
});

describe('latency', () => {
  it('has about three significant digits', () => {
    expect([0.824, 9.5, 12.34, 123.4, 4321].map(es.latency)).toEqual([
      '0,82',
      '9,50',
      '12,3',
      '123',
      '4.321',
    ]);
  });
});

describe('share', () => {
  it('is a percentage with one decimal', () => {
    expect([plain(es.share(0.5)), plain(en.share(1 / 3))]).toEqual(['50,0 %', '33.3%']);
  });
});

describe('tick', () => {
  it('has the decimals of its step', () => {
    expect([0, 0.25, 0.5, 15_000].map(en.tick)).toEqual(['0', '0.25', '0.5', '15,000']);
  });
});

describe('ago', () => {
  it('grows from seconds to hours', () => {
    expect([4_999, 60_000, 7_200_000].map(en.ago).map(plain)).toEqual([
      '4 sec. ago',
      '1 min. ago',
      '2 hr. ago',
    ]);
  });

  it('speaks Spanish', () => {
    expect(plain(es.ago(12_000))).toBe('hace 12 s');
  });
});
