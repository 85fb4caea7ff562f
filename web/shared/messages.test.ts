import { describe, expect, it } from 'vitest';
import { fill } from './messages';

describe('fill', () => {
  it('puts values in their places', () => {
    expect(fill('{a} y {b}, {a}', { a: '1', b: '2' })).toBe('1 y 2, 1');
  });

  it('leaves a name from the server as it is, even if it looks like a place', () => {
    expect(fill('{contest} en vivo', { contest: '{b} $& {contest}' })).toBe('{b} $& {contest} en vivo');
  });
});
