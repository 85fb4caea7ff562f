import { describe, expect, it } from 'vitest';
import { aStatsPoint } from './fixtures';
import { historyMs, mergeStats, pointsOf, summarise } from './history';

describe('mergeStats', () => {
  it('keeps what the page saw when the server comes back with an empty history', () => {
    const seen = [aStatsPoint(1000), aStatsPoint(2000)];
    expect(mergeStats(seen, [])).toEqual(seen);
  });

  it('holds each instant once, with the last value', () => {
    const merged = mergeStats([aStatsPoint(1000, { rate: 1 })], [aStatsPoint(1000, { rate: 2 })]);
    expect(merged.map((point) => point.rate)).toEqual([2]);
  });

  it('puts missed stats in their place', () => {
    const merged = mergeStats([aStatsPoint(2000)], [aStatsPoint(1000), aStatsPoint(2000), aStatsPoint(3000)]);
    expect(merged.map((point) => point.atMs)).toEqual([1000, 2000, 3000]);
  });

  it('goes back with the clock of the server, however far', () => {
    const known = [aStatsPoint(historyMs * 3), aStatsPoint(historyMs * 3 + 1000)];
    for (const backMs of [500, historyMs * 2]) {
      const nowMs = historyMs * 3 + 1000 - backMs;
      const merged = mergeStats(known, [aStatsPoint(nowMs, { rate: 7 })]);
      expect(merged.at(-1)).toEqual(aStatsPoint(nowMs, { rate: 7 }));
    }
    const history = [...known, aStatsPoint(1000), aStatsPoint(2000)];
    const merged = mergeStats(known, history);
    expect(merged.map((point) => point.atMs)).toEqual([1000, 2000]);
  });

  it('drops what is older than the window', () => {
    const merged = mergeStats([aStatsPoint(0), aStatsPoint(1)], [aStatsPoint(historyMs + 1)]);
    expect(merged.map((point) => point.atMs)).toEqual([1, historyMs + 1]);
  });
});

describe('pointsOf', () => {
  it('counts seconds back from the newest point', () => {
    const stats = [aStatsPoint(8000, { rate: 5 }), aStatsPoint(9000, { rate: 6 })];
    expect(pointsOf(stats, (point) => point.rate)).toEqual([
      [-1, 5],
      [0, 6],
    ]);
  });

  it('breaks the line where there was no point', () => {
    const stats = [aStatsPoint(0, { rate: 5 }), aStatsPoint(10_000, { rate: 6 })];
    expect(pointsOf(stats, (point) => point.rate)).toEqual([
      [-10, 5],
      [-9.999, null],
      [0, 6],
    ]);
  });

  it('has no points without stats', () => {
    expect(pointsOf([], (point) => point.rate)).toEqual([]);
  });
});

describe('summarise', () => {
  it('is null for an empty window', () => {
    expect(summarise([])).toBeNull();
  });

  it('leaves seconds without answers out of the worst p99', () => {
    const stats = [aStatsPoint(0, { rate: 10, p99Ms: 3 }), aStatsPoint(1000, { rate: 20, p99Ms: null })];
    expect(summarise(stats)).toEqual({ rateMax: 20, rateMean: 15, p99MsMax: 3 });
  });

  it('has rates where another server takes the entries', () => {
    const stats = [aStatsPoint(0, { rate: 4, rejected: null }), aStatsPoint(1000, { rate: 8, rejected: null })];
    expect(summarise(stats)).toEqual({ rateMax: 8, rateMean: 6, p99MsMax: null });
  });

  it('has no worst p99 without answers', () => {
    expect(summarise([aStatsPoint(0)])?.p99MsMax).toBeNull();
  });
});
