import { describe, expect, it } from 'vitest';
import { loadFirst, LoadError, type LoadFailure } from './load';

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
  crossed: [],
  repeated: 0,
  positions: [],
};

function serving(answers: Readonly<Record<string, () => Response>>): typeof fetch {
  return (path) => {
    const answer = typeof path === 'string' ? answers[path] : undefined;
    return answer ? Promise.resolve(answer()) : Promise.reject(new TypeError('refused'));
  };
}

async function failureOf(get: typeof fetch): Promise<LoadFailure> {
  const error: unknown = await loadFirst(get).catch((reason: unknown) => reason);
  if (!(error instanceof LoadError)) throw new Error('it did not fail as it should');
  return error.failure;
}

describe('loadFirst', () => {
  it('brings the contest and its score', async () => {
    const model = await loadFirst(
      serving({
        '/v1/contest': () => Response.json(contest),
        '/v1/scores': () => Response.json(score),
      }),
    );
    expect([model.contest.name, model.score.total, model.pulses]).toEqual(['Olimpiadas', 0, []]);
  });

  it('says when nobody answers', async () => {
    expect(await failureOf(serving({}))).toEqual({ kind: 'unreachable' });
  });

  it('passes on the explanation of the server', async () => {
    const problem = { title: 'Unavailable', detail: 'the score book is away' };
    const refuse = (): Response => Response.json(problem, { status: 503 });
    expect(await failureOf(serving({ '/v1/contest': refuse, '/v1/scores': refuse }))).toEqual({
      kind: 'refused',
      status: 503,
      explanation: 'Unavailable — the score book is away',
    });
  });

  it('has no explanation when a proxy answered for the server', async () => {
    const refuse = (): Response => new Response('<h1>Bad Gateway</h1>', { status: 502 });
    expect(await failureOf(serving({ '/v1/contest': refuse, '/v1/scores': refuse }))).toEqual({
      kind: 'refused',
      status: 502,
      explanation: null,
    });
  });

  it('names the place that it could not read', async () => {
    const get = serving({
      '/v1/contest': () => Response.json({ ...contest, name: 7 }),
      '/v1/scores': () => Response.json(score),
    });
    expect(await failureOf(get)).toEqual({
      kind: 'unreadable',
      explanation: '/v1/contest — contest.name: expected a text',
    });
  });
});
