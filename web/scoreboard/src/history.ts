/**
 * The last five minutes of pulses: kept in order of time, one for each instant, none older.
 *
 * What the page saw outlives a restart of the server, whose own history starts again empty: the
 * two are merged, and the time in between stays visible as a gap in the lines.
 */
import type { Pulse } from './api';

export const historyMs = 5 * 60 * 1000;

/** Pulses come once a second; further apart than this, there was a time without any. */
const gapMs = 2500;

/**
 * The union of both by time; where both have an instant, what arrived replaces what was known.
 *
 * What arrived last is now, whatever was known: when the server's clock is set back, pulses from
 * later than that would stay the newest, and the page would stand still until the clock is there.
 */
export function mergePulses(
  known: readonly Pulse[],
  arrived: readonly Pulse[],
): readonly Pulse[] {
  const byTime = new Map([...known, ...arrived].map((pulse) => [pulse.atMs, pulse]));
  const merged = [...byTime.values()].sort((a, b) => a.atMs - b.atMs);
  const nowMs = (arrived.at(-1) ?? merged.at(-1))?.atMs ?? 0;
  return merged.filter((pulse) => pulse.atMs >= nowMs - historyMs && pulse.atMs <= nowMs);
}

/** Seconds before the newest pulse (zero or less), and the value there; null breaks the line. */
export type Point = readonly [seconds: number, value: number | null];

export function pointsOf(
  pulses: readonly Pulse[],
  pick: (pulse: Pulse) => number | null,
): readonly Point[] {
  const newestMs = pulses.at(-1)?.atMs ?? 0;
  let previousMs: number | null = null;
  const points: Point[] = [];
  for (const pulse of pulses) {
    if (previousMs !== null && pulse.atMs - previousMs > gapMs) {
      points.push([(previousMs + 1 - newestMs) / 1000, null]);
    }
    points.push([(pulse.atMs - newestMs) / 1000, pick(pulse)]);
    previousMs = pulse.atMs;
  }
  return points;
}

export interface Summary {
  readonly rateMax: number;
  readonly rateMean: number;
  /** Null when nothing was answered in the whole window. */
  readonly p99MsMax: number | null;
}

/** The window in three figures, or null when it is empty. */
export function summarise(pulses: readonly Pulse[]): Summary | null {
  if (pulses.length === 0) return null;
  const rates = pulses.map((pulse) => pulse.rate);
  const latencies = pulses.flatMap((pulse) => (pulse.p99Ms === null ? [] : [pulse.p99Ms]));
  return {
    rateMax: Math.max(...rates),
    rateMean: rates.reduce((sum, rate) => sum + rate, 0) / rates.length,
    p99MsMax: latencies.length === 0 ? null : Math.max(...latencies),
  };
}
