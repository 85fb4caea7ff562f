import { afterEach, describe, expect, it, vi } from 'vitest';
import { rememberedUnder } from './remembered';

afterEach(() => {
  vi.unstubAllGlobals();
});

describe('rememberedUnder', () => {
  it('keeps the choices of two programs apart', () => {
    const kept = new Map<string, string>();
    vi.stubGlobal('localStorage', {
      getItem: (key: string) => kept.get(key) ?? null,
      setItem: (key: string, value: string) => kept.set(key, value),
    });
    rememberedUnder('estadio').remember('theme', 'dark');
    expect(rememberedUnder('estadio').recall('theme')).toBe('dark');
    expect(rememberedUnder('vigia').recall('theme')).toBeNull();
  });

  it('forgets where the browser keeps nothing, and throws nothing', () => {
    const refuse = (): never => {
      throw new DOMException('blocked', 'SecurityError');
    };
    vi.stubGlobal('localStorage', { getItem: refuse, setItem: refuse });
    const remembered = rememberedUnder('estadio');
    remembered.remember('language', 'en');
    expect(remembered.recall('language')).toBeNull();
  });
});
