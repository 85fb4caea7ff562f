/**
 * The stats of the last five minutes, in order of time, one for each instant.
 *
 * The server's own history is empty after a restart. So the page merges it with the stats that it
 * saw, and the time between the two stays visible as a gap in the lines.
 */
import type { StatsPoint } from './api';

export const historyMs = 5 * 60 * 1000;

/** Stats come once a second. Two that are further apart than this have a gap between them. */
const gapMs = 2500;

/**
 * The union of both by time. Where both have an instant, the point that arrived is kept.
 *
 * The last point that arrived is now, and known stats after it are dropped. The server's clock may
 * have been set back: old stats would stay the newest until the clock reaches them again.
 */
export function mergeStats(
  known: readonly StatsPoint[],
  arrived: readonly StatsPoint[],
): readonly StatsPoint[] {
  const byTime = new Map([...known, ...arrived].map((point) => [point.atMs, point]));
  const merged = [...byTime.values()].sort((a, b) => a.atMs - b.atMs);
  const nowMs = (arrived.at(-1) ?? merged.at(-1))?.atMs ?? 0;
  return merged.filter((point) => point.atMs >= nowMs - historyMs && point.atMs <= nowMs);
}

/** Seconds from the newest point, zero or less, and the value there. Null breaks the line. */
export type Point = readonly [seconds: number, value: number | null];

export function pointsOf(
  stats: readonly StatsPoint[],
  pick: (point: StatsPoint) => number | null,
): readonly Point[] {
  const newestMs = stats.at(-1)?.atMs ?? 0;
  let previousMs: number | null = null;
  const points: Point[] = [];
  for (const point of stats) {
    if (previousMs !== null && point.atMs - previousMs > gapMs) {
      points.push([(previousMs + 1 - newestMs) / 1000, null]);
    }
    points.push([(point.atMs - newestMs) / 1000, pick(point)]);
    previousMs = point.atMs;
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
export function summarise(stats: readonly StatsPoint[]): Summary | null {
  if (stats.length === 0) return null;
  const rates = stats.map((point) => point.rate);
  const latencies = stats.flatMap((point) => (point.p99Ms === null ? [] : [point.p99Ms]));
  return {
    rateMax: Math.max(...rates),
    rateMean: rates.reduce((sum, rate) => sum + rate, 0) / rates.length,
    p99MsMax: latencies.length === 0 ? null : Math.max(...latencies),
  };
}
