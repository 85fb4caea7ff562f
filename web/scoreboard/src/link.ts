/**
 * How the page stands with the server, in one word and an age.
 *
 *   connecting --> live <--> reconnecting --> offline
 *                    ^_________________________|
 *
 * The server pulses once a second, so a few silent seconds already mean that the figures on screen
 * are of the past, whatever the connection claims.
 */

export type LinkState = 'connecting' | 'live' | 'reconnecting' | 'offline';

/** What is known; times by this machine's clock only, so that no two clocks are compared. */
export interface LinkFacts {
  readonly open: boolean;
  /** When the first figures were loaded, before there was a stream. */
  readonly loadedAtMs: number;
  /** When the stream last brought anything readable; null before the first time. */
  readonly heardAtMs: number | null;
  /** What the browser believes of its own network. */
  readonly online: boolean;
}

export interface Link {
  readonly state: LinkState;
  /** Age of what is on screen. */
  readonly ageMs: number;
}

/** Silence after which the figures count as stale. */
export const staleAfterMs = 4_000;

/** Silence after which the page says offline; it goes on trying. */
export const offlineAfterMs = 30_000;

export function linkOf(facts: LinkFacts, nowMs: number): Link {
  const ageMs = Math.max(0, nowMs - (facts.heardAtMs ?? facts.loadedAtMs));
  return { state: stateOf(facts, ageMs), ageMs };
}

function stateOf({ open, heardAtMs, online }: LinkFacts, ageMs: number): LinkState {
  if (ageMs < staleAfterMs) {
    if (heardAtMs === null) return 'connecting';
    if (open) return 'live';
  }
  return online && ageMs < offlineAfterMs ? 'reconnecting' : 'offline';
}

/** Whether the figures on screen are of the past and have to be marked so. */
export function isStale({ state }: Link): boolean {
  return state === 'reconnecting' || state === 'offline';
}
