import { describe, expect, it } from 'vitest';
import { aPulse } from './fixtures';
import { historyMs, mergePulses, pointsOf, summarise } from './history';

describe('mergePulses', () => {
  it('keeps what the page saw when the server comes back with an empty history', () => {
    const seen = [aPulse(1000), aPulse(2000)];
    expect(mergePulses(seen, [])).toEqual(seen);
  });

  it('holds each instant once, with the last value', () => {
    const merged = mergePulses([aPulse(1000, { rate: 1 })], [aPulse(1000, { rate: 2 })]);
    expect(merged.map((pulse) => pulse.rate)).toEqual([2]);
  });

  it('puts missed pulses in their place', () => {
    const merged = mergePulses([aPulse(2000)], [aPulse(1000), aPulse(2000), aPulse(3000)]);
    expect(merged.map((pulse) => pulse.atMs)).toEqual([1000, 2000, 3000]);
  });

  it('goes back with the clock of the server, however far', () => {
    const known = [aPulse(historyMs * 3), aPulse(historyMs * 3 + 1000)];
    for (const backMs of [500, historyMs * 2]) {
      const nowMs = historyMs * 3 + 1000 - backMs;
      const merged = mergePulses(known, [aPulse(nowMs, { rate: 7 })]);
      expect(merged.at(-1)).toEqual(aPulse(nowMs, { rate: 7 }));
    }
    const history = [...known, aPulse(1000), aPulse(2000)];
    const merged = mergePulses(known, history);
    expect(merged.map((pulse) => pulse.atMs)).toEqual([1000, 2000]);
  });

  it('drops what is older than the window', () => {
    const merged = mergePulses([aPulse(0), aPulse(1)], [aPulse(historyMs + 1)]);
    expect(merged.map((pulse) => pulse.atMs)).toEqual([1, historyMs + 1]);
  });
});

describe('pointsOf', () => {
  it('counts seconds back from the newest pulse', () => {
    const pulses = [aPulse(8000, { rate: 5 }), aPulse(9000, { rate: 6 })];
    expect(pointsOf(pulses, (pulse) => pulse.rate)).toEqual([
      [-1, 5],
      [0, 6],
    ]);
  });

  it('breaks the line where there was no pulse', () => {
    const pulses = [aPulse(0, { rate: 5 }), aPulse(10_000, { rate: 6 })];
    expect(pointsOf(pulses, (pulse) => pulse.rate)).toEqual([
      [-10, 5],
      [-9.999, null],
      [0, 6],
    ]);
  });

  it('has no points without pulses', () => {
    expect(pointsOf([], (pulse) => pulse.rate)).toEqual([]);
  });
});

describe('summarise', () => {
  it('is null for an empty window', () => {
    expect(summarise([])).toBeNull();
  });

  it('leaves seconds without answers out of the worst p99', () => {
    const pulses = [aPulse(0, { rate: 10, p99Ms: 3 }), aPulse(1000, { rate: 20, p99Ms: null })];
    expect(summarise(pulses)).toEqual({ rateMax: 20, rateMean: 15, p99MsMax: 3 });
  });

  it('has rates where another server takes the entries', () => {
    const pulses = [aPulse(0, { rate: 4, rejected: null }), aPulse(1000, { rate: 8, rejected: null })];
    expect(summarise(pulses)).toEqual({ rateMax: 8, rateMean: 6, p99MsMax: null });
  });

  it('has no worst p99 without answers', () => {
    expect(summarise([aPulse(0)])?.p99MsMax).toBeNull();
  });
});
