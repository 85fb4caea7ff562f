import { describe, expect, it } from 'vitest';
import { isStale, linkOf, offlineAfterMs, staleAfterMs, type LinkFacts } from './link';

const heard: LinkFacts = { open: true, loadedAtMs: 0, heardAtMs: 1000, online: true };

describe('linkOf', () => {
  it('is connecting until the stream brings an event', () => {
    expect(linkOf({ ...heard, open: false, heardAtMs: null }, 100).state).toBe('connecting');
  });

  it('is live while the last event is fresh', () => {
    expect(linkOf(heard, 1000 + staleAfterMs - 1)).toEqual({
      state: 'live',
      ageMs: staleAfterMs - 1,
    });
  });

  it('trusts a fresh event more than the browser', () => {
    expect(linkOf({ ...heard, online: false }, 1500).state).toBe('live');
  });

  it('is reconnecting as soon as the connection is lost', () => {
    expect(linkOf({ ...heard, open: false }, 1001).state).toBe('reconnecting');
  });

  it('is reconnecting when an open connection is silent', () => {
    expect(linkOf(heard, 1000 + staleAfterMs).state).toBe('reconnecting');
  });

  it('is reconnecting when no stream followed the first load', () => {
    expect(linkOf({ ...heard, heardAtMs: null }, staleAfterMs).state).toBe('reconnecting');
  });

  it('is offline at once when the browser knows that it has no network', () => {
    expect(linkOf({ ...heard, open: false, online: false }, 1001).state).toBe('offline');
  });

  it('is offline after a long silence', () => {
    expect(linkOf({ ...heard, open: false }, 1000 + offlineAfterMs).state).toBe('offline');
  });

  it('has no negative age when the clock was set back', () => {
    expect(linkOf(heard, 0).ageMs).toBe(0);
  });
});

describe('isStale', () => {
  it.each([
    ['connecting', false],
    ['live', false],
    ['reconnecting', true],
    ['offline', true],
  ] as const)('%s: %s', (state, stale) => {
    expect(isStale({ state, ageMs: 0 })).toBe(stale);
  });
});
