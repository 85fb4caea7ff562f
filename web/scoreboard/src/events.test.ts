import { describe, expect, it } from 'vitest';
import { eventsOf } from './events';
import { aContest, aScore } from './fixtures';
import type { Model } from './model';

const point = { at_ms: 1, rate: 1, p99_ms: null, accepted: 1, rejected: 0, lag: 0 };

/** The model after an event of that name, from one without stats. */
function after(name: string, value: unknown): Model {
  let model: Model = { contest: aContest(), score: aScore(), stats: [] };
  const event = eventsOf((change) => {
    model = change(model);
  }).find((candidate) => candidate.name === name);
  if (!event) throw new Error(`there is no event "${name}"`);
  event.read(value)();
  return model;
}

describe('eventsOf', () => {
  it('takes a point and a history alike', () => {
    expect(after('stats', point).stats.length).toBe(1);
    expect(after('history', [point, { ...point, at_ms: 2 }]).stats.length).toBe(2);
  });

  it('takes another score and another contest', () => {
    const score = {
      total: 3,
      by_faculty: {},
      by_discipline: {},
      by_outcome: { winner: 2, loser: 1 },
      breakdown: [],
      repeated: 0,
      positions: [],
    };
    expect(after('score', score).score.total).toBe(3);
    const contest = {
      name: 'Regionales',
      faculties: [],
      disciplines: [],
      seed_commitment: 'cd'.repeat(32),
      started_at_ms: 0,
    };
    expect(after('contest', contest).contest.name).toBe('Regionales');
  });

  it.each(['contest', 'score', 'history', 'stats'])('refuses a %s of another shape', (name) => {
    expect(() => after(name, 'many')).toThrow('expected');
  });
});
