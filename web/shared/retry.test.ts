import { describe, expect, it } from 'vitest';
import { retryDelayMs } from './retry';

describe('retryDelayMs', () => {
  it('doubles from half a second to eight', () => {
    const longest = [1, 2, 3, 4, 5, 6, 1000].map((failures) => retryDelayMs(failures, 1));
    expect(longest).toEqual([500, 1000, 2000, 4000, 8000, 8000, 8000]);
  });

  it('draws the second half of each wait', () => {
    expect(retryDelayMs(2, 0)).toBe(500);
    expect(retryDelayMs(2, 0.5)).toBe(750);
  });
});
