/** Values for the tests. Each test changes the part that it is about. */
import type { Contest, StatsPoint, Score } from './api';

export function aContest(changes: Partial<Contest> = {}): Contest {
  return {
    name: 'Olimpiadas',
    faculties: ['Ingeniería', 'Agronomía'],
    disciplines: [
      { id: 1, name: 'Natación' },
      { id: 2, name: 'Atletismo' },
    ],
    seedCommitment: 'ab'.repeat(32),
    startedAtMs: 1_764_000_000_000,
    ...changes,
  };
}

export function aScore(changes: Partial<Score> = {}): Score {
  return {
    total: 0,
    byFaculty: new Map(),
    byDiscipline: new Map(),
    winners: 0,
    losers: 0,
    breakdown: [],
    repeated: 0,
    positions: [],
    ...changes,
  };
}

export function aStatsPoint(atMs: number, changes: Partial<StatsPoint> = {}): StatsPoint {
  return { atMs, rate: 0, p99Ms: null, accepted: 0, rejected: 0, lag: 0, ...changes };
}
