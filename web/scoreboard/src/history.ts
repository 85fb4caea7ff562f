/**
 * The pulses of the last five minutes, in order of time, one for each instant.
 *
 * The server's own history is empty after a restart. So the page merges it with the pulses that it
 * saw, and the time between the two stays visible as a gap in the lines.
 */
import type { Pulse } from './api';

export const historyMs = 5 * 60 * 1000;

/** Pulses come once a second. Two that are further apart than this have a gap between them. */
const gapMs = 2500;

/**
 * The union of both by time. Where both have an instant, the pulse that arrived is kept.
 *
 * The last pulse that arrived is now, and known pulses after it are dropped. The server's clock may
 * have been set back: old pulses would stay the newest until the clock reaches them again.
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

/** Seconds from the newest pulse, zero or less, and the value there. Null breaks the line. */
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
  /** Null when the whole window has no answer. */
  readonly p99MsMax: number | null;
}

/** The window in three figures. Null when it is empty. */
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
