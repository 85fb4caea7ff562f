/**
 * The state of the link between the page and the server, and the age of the figures on screen.
 *
 *   connecting --> live <--> reconnecting --> offline
 *                    ^_________________________|
 *
 * The server sends an event every second. After a few silent seconds the figures on screen are
 * stale, even if the connection is open.
 */

export type LinkState = 'connecting' | 'live' | 'reconnecting' | 'offline';

/** All times are by the clock of this machine, so that no two clocks are compared. */
export interface LinkFacts {
  /** The stream is connected. */
  readonly open: boolean;
  /** When the first figures were loaded, before there was a stream. */
  readonly loadedAtMs: number;
  /** When the stream brought the last readable event. Null before the first. */
  readonly heardAtMs: number | null;
  /** The browser believes that it has a network. */
  readonly online: boolean;
}

export interface Link {
  readonly state: LinkState;
  /** Age of the figures on screen. */
  readonly ageMs: number;
}

/** After this much silence the figures are stale. */
export const staleAfterMs = 4_000;

/** After this much silence the page says offline. It goes on trying. */
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

/** True when the page has to mark its figures as old. */
export function isStale({ state }: Link): boolean {
  return state === 'reconnecting' || state === 'offline';
}
