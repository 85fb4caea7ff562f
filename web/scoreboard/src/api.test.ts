import { describe, expect, it } from 'vitest';
import { parseContest, parseHistory, parseStatsPoint, parseScore } from './api';

const contest = {
  name: 'Olimpiadas',
  faculties: ['Ingeniería', 'Agronomía'],
  disciplines: [{ id: 1, name: 'Natación' }],
  seed_commitment: 'ab'.repeat(32),
  started_at_ms: 1764000000000,
};

const score = {
  total: 10_000_000_000,
  by_faculty: { Ingeniería: 10_000_000_000, Agronomía: 0 },
  by_discipline: { Natación: 10_000_000_000 },
  by_outcome: { winner: 6_000_000_000, loser: 4_000_000_000 },
  breakdown: [
    { faculty: 'Ingeniería', discipline: 'Natación', outcome: 'winner', count: 6_000_000_000 },
  ],
  repeated: 2,
  positions: [{ topic: 'winners', partition: 0, next_offset: 7, end_offset: 9 }],
};

const point = {
  at_ms: 1764000000000,
  rate: 10234.5,
  p99_ms: 0.82,
  accepted: 123456,
  rejected: 12,
  lag: 3,
};

describe('parseContest', () => {
  it('keeps accents and the order of faculties', () => {
    expect(parseContest(contest).faculties).toEqual(['Ingeniería', 'Agronomía']);
  });

  it('ignores fields that it does not know', () => {
    expect(parseContest({ ...contest, colour: 'green' })).toEqual(parseContest(contest));
  });

  it('refuses a commitment that is not a hash', () => {
    expect(() => parseContest({ ...contest, seed_commitment: 'soon' })).toThrow(
      'contest.seed_commitment: expected 64 hexadecimal digits',
    );
  });

  it('names the place of a wrong value', () => {
    const disciplines = [{ id: 1, name: 'Natación' }, { id: 2 }];
    expect(() => parseContest({ ...contest, disciplines })).toThrow(
      'contest.disciplines[1].name: expected a text',
    );
  });

  it.each([null, undefined, 'text', 7, []])('refuses %j', (value) => {
    expect(() => parseContest(value)).toThrow('contest: expected an object');
  });
});

describe('parseScore', () => {
  it('reads counts beyond 32 bits exactly', () => {
    expect(parseScore(score).byFaculty.get('Ingeniería')).toBe(10_000_000_000);
  });

  it('takes a faculty called like a part of JavaScript for what it is, a name', () => {
    const by_faculty: unknown = JSON.parse('{"constructor": 3, "__proto__": 4}');
    expect([...parseScore({ ...score, by_faculty }).byFaculty]).toEqual([
      ['constructor', 3],
      ['__proto__', 4],
    ]);
  });

  it.each([-1, 1.5, 2 ** 53, '7', null])('refuses %j as a count', (total) => {
    expect(() => parseScore({ ...score, total })).toThrow('score.total: expected a');
  });

  it('refuses an outcome that is neither', () => {
    const breakdown = [{ ...score.breakdown[0], outcome: 'draw' }];
    expect(() => parseScore({ ...score, breakdown })).toThrow('score.breakdown[0].outcome');
  });
});

describe('parseStatsPoint', () => {
  it('reads a second without answers as one without p99', () => {
    expect(parseStatsPoint({ ...point, p99_ms: null }).p99Ms).toBeNull();
  });

  it('reads a point of a server that takes no entries as one without rejections', () => {
    expect(parseStatsPoint({ ...point, p99_ms: null, rejected: null }).rejected).toBeNull();
  });

  it.each([undefined, -1, '3'])('refuses %j as rejections', (rejected) => {
    expect(() => parseStatsPoint({ ...point, rejected })).toThrow('stats.rejected: expected a');
  });

  it('refuses a point whose p99 is missing', () => {
    expect(() => parseStatsPoint({ ...point, p99_ms: undefined })).toThrow('stats.p99_ms');
  });
});

describe('parseHistory', () => {
  it('reads an empty history', () => {
    expect(parseHistory([])).toEqual([]);
  });

  it('says which point of it is wrong', () => {
    expect(() => parseHistory([point, { ...point, rate: 'high' }])).toThrow('history[1].rate');
  });
});
