import { describe, expect, it } from 'vitest';
import { parseProblem } from './problem';

describe('parseProblem', () => {
  it('takes title and detail', () => {
    expect(parseProblem({ title: 'Unavailable', detail: 'no log' })).toEqual({
      title: 'Unavailable',
      detail: 'no log',
    });
  });

  it.each([null, 'text', [], { title: 7 }])('finds no explanation in %j', (value) => {
    expect(parseProblem(value)).toEqual({ title: null, detail: null });
  });
});
