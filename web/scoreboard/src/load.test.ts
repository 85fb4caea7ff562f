import { describe, expect, it } from 'vitest';
import { LoadError } from '#shared/load';
import { loadModel } from './load';

const contest = {
  name: 'Olimpiadas',
  faculties: ['Ingeniería'],
  disciplines: [{ id: 1, name: 'Natación' }],
  seed_commitment: 'ab'.repeat(32),
  started_at_ms: 0,
};
const score = {
  total: 0,
  by_faculty: { Ingeniería: 0 },
  by_discipline: { Natación: 0 },
  by_outcome: { winner: 0, loser: 0 },
  breakdown: [],
  repeated: 0,
  positions: [],
};

function serving(answers: Readonly<Record<string, unknown>>): typeof fetch {
  return (path) => {
    const answer = typeof path === 'string' ? answers[path] : undefined;
    return answer === undefined
      ? Promise.reject(new TypeError('refused'))
      : Promise.resolve(Response.json(answer));
  };
}

describe('loadModel', () => {
  it('brings the contest and its score', async () => {
    const model = await loadModel(serving({ '/v1/contest': contest, '/v1/scores': score }));
    expect([model.contest.name, model.score.total, model.stats]).toEqual(['Olimpiadas', 0, []]);
  });

  it('fails when one of the two does not come', async () => {
    const failed = loadModel(serving({ '/v1/contest': contest }));
    await expect(failed).rejects.toEqual(new LoadError({ kind: 'unreachable' }));
  });

  it('names the place that it could not read', async () => {
    const failed = loadModel(serving({ '/v1/contest': { ...contest, name: 7 }, '/v1/scores': score }));
    await expect(failed).rejects.toMatchObject({
      failure: {
        kind: 'unreadable',
        explanation: '/v1/contest — contest.name: expected a text',
      },
    });
  });
});
