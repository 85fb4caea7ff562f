/** The first load: the contest and its score. */
import { loadJson } from '#shared/load';
import { parseContest, parseScore } from './api';
import type { Model } from './model';

/** Rejects only with a `LoadError`. */
export async function loadModel(get: typeof fetch): Promise<Model> {
  const [contest, score] = await Promise.all([
    loadJson(get, '/v1/contest', parseContest),
    loadJson(get, '/v1/scores', parseScore),
  ]);
  return { contest, score, stats: [] };
}
