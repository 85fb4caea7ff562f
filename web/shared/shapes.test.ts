import { describe, expect, it } from 'vitest';
import { asArray, asCount, asCounts, asNumber, asObject, asText, orNull } from './shapes';

describe('asObject', () => {
  it.each([null, undefined, 'text', 7, []])('refuses %j', (value) => {
    expect(() => asObject(value, 'it')).toThrow('it: expected an object');
  });
});

describe('asArray', () => {
  it('names the place of the item that is wrong', () => {
    expect(() => asArray(['a', 7], 'names', asText)).toThrow('names[1]: expected a text');
  });

  it.each([null, {}, 'text'])('refuses %j', (value) => {
    expect(() => asArray(value, 'names', asText)).toThrow('names: expected an array');
  });
});

describe('orNull', () => {
  it('takes null, and a value of the shape', () => {
    expect([orNull(null, 'it', asNumber), orNull(3, 'it', asNumber)]).toEqual([null, 3]);
  });

  it('refuses a value that is missing', () => {
    expect(() => orNull(undefined, 'it', asNumber)).toThrow('it: expected a number');
  });
});

describe('asCounts', () => {
  it('takes a name that JavaScript uses itself', () => {
    const counts: unknown = JSON.parse('{"constructor": 3, "__proto__": 4}');
    expect([...asCounts(counts, 'counts')]).toEqual([
      ['constructor', 3],
      ['__proto__', 4],
    ]);
  });

  it('names the place of the count that is wrong', () => {
    expect(() => asCounts({ 'a "b"': -1 }, 'counts')).toThrow('counts["a \\"b\\""]: expected a count');
  });
});

describe('asNumber', () => {
  it.each([NaN, Infinity, '7', null])('refuses %j', (value) => {
    expect(() => asNumber(value, 'it')).toThrow('it: expected a number');
  });
});

describe('asCount', () => {
  it('reads counts beyond 32 bits exactly', () => {
    expect(asCount(10_000_000_000, 'it')).toBe(10_000_000_000);
  });

  it.each([-1, 1.5, 2 ** 53])('refuses %j', (value) => {
    expect(() => asCount(value, 'it')).toThrow('it: expected a count');
  });
});
