import { afterEach, describe, expect, it, vi } from 'vitest';
import { oncePerFrame } from './frame';

afterEach(() => {
  vi.unstubAllGlobals();
});

describe('oncePerFrame', () => {
  it('draws once for all changes before a frame, and again for one during it', () => {
    const frames: (() => void)[] = [];
    vi.stubGlobal('requestAnimationFrame', (frame: () => void) => frames.push(frame));
    const draw = vi.fn();
    const changed = oncePerFrame(draw);
    changed();
    changed();
    expect([frames.length, draw.mock.calls.length]).toEqual([1, 0]);

    draw.mockImplementationOnce(changed);
    frames.shift()?.();
    expect([frames.length, draw.mock.calls.length]).toEqual([1, 1]);
  });
});
