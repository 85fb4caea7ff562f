import { describe, expect, it } from 'vitest';
import { aContest, aStatsPoint, aScore } from './fixtures';
import {
  lagOf,
  tabulate,
  takesEntries,
  winningShare,
  withContest,
  withStats,
  withScore,
} from './model';

const model = { contest: aContest(), score: aScore(), stats: [aStatsPoint(1000)] };

describe('withContest', () => {
  it('keeps the stats when the same contest comes again after a reconnection', () => {
    expect(withContest(model, aContest()).stats).toEqual(model.stats);
  });

  it('forgets the stats of another contest', () => {
    expect(withContest(model, aContest({ seedCommitment: 'cd'.repeat(32) })).stats).toEqual([]);
  });
});

describe('withScore', () => {
  it('changes nothing but the score', () => {
    const score = aScore({ total: 3 });
    expect(withScore(model, score)).toEqual({ ...model, score });
  });
});

describe('lagOf', () => {
  it('is what the latest point says', () => {
    expect(lagOf(withStats(model, [aStatsPoint(2000, { lag: 9 })]))).toBe(9);
  });

  it('is taken from the positions before the first point', () => {
    const positions = [
      { topic: 'winners', partition: 0, nextOffset: 5, endOffset: 8 },
      // The end was read before the count, so it may be the smaller one. That is no lag.
      { topic: 'losers', partition: 0, nextOffset: 9, endOffset: 8 },
    ];
    expect(lagOf({ ...model, stats: [], score: aScore({ positions }) })).toBe(3);
  });
});

describe('takesEntries', () => {
  it('is true before the first point', () => {
    expect(takesEntries([])).toBe(true);
  });

  it('is true while the latest point knows the rejections', () => {
    const taking = aStatsPoint(1000, { rejected: 0 });
    const showing = aStatsPoint(2000, { rejected: null });
    expect(takesEntries([taking])).toBe(true);
    expect(takesEntries([taking, showing])).toBe(false);
    expect(takesEntries([showing, taking])).toBe(true);
  });
});

describe('tabulate', () => {
  const score = aScore({
    total: 10,
    byFaculty: new Map([
      ['Agronomía', 4],
      ['Ingeniería', 6],
    ]),
    byDiscipline: new Map([
      ['Natación', 10],
      ['Atletismo', 0],
    ]),
    breakdown: [
      { faculty: 'Ingeniería', discipline: 'Natación', outcome: 'winner', count: 5 },
      { faculty: 'Ingeniería', discipline: 'Natación', outcome: 'loser', count: 1 },
      { faculty: 'Agronomía', discipline: 'Natación', outcome: 'loser', count: 4 },
    ],
  });

  it('follows the order of the contest, not that of the score', () => {
    const { faculties } = tabulate(aContest(), score);
    expect(faculties).toEqual([
      { name: 'Ingeniería', total: 6, winners: 5, losers: 1 },
      { name: 'Agronomía', total: 4, winners: 0, losers: 4 },
    ]);
  });

  it('shows disciplines without entries too', () => {
    const { disciplines } = tabulate(aContest(), score);
    expect(disciplines).toEqual([
      { name: 'Natación', total: 10, winners: 5, losers: 5 },
      { name: 'Atletismo', total: 0, winners: 0, losers: 0 },
    ]);
  });

  it('breaks the score down by faculty and discipline', () => {
    expect(tabulate(aContest(), score).cells).toEqual([
      [
        { winners: 5, losers: 1 },
        { winners: 0, losers: 0 },
      ],
      [
        { winners: 0, losers: 4 },
        { winners: 0, losers: 0 },
      ],
    ]);
  });

  it('still shows what was counted for a faculty that is no longer configured', () => {
    const { faculties } = tabulate(aContest({ faculties: ['Ingeniería'] }), score);
    expect(faculties.map((faculty) => faculty.name)).toEqual(['Ingeniería', 'Agronomía']);
  });
});

describe('winningShare', () => {
  it('is a half without results', () => {
    expect(winningShare({ winners: 0, losers: 0 })).toBe(0.5);
  });

  it('is the part of all that won', () => {
    expect(winningShare({ winners: 3, losers: 1 })).toBe(0.75);
  });
});
