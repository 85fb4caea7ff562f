/**
 * The first load: the contest and its score, or the reason why not in words that can be shown.
 */
import { parseContest, parseProblem, parseScore, ShapeError } from './api';
import type { Model } from './model';

export type LoadFailure =
  /** No answer at all: the server is away, or the network is. */
  | { readonly kind: 'unreachable' }
  /** An answer that says no; the explanation is the server's own, when it gave one. */
  | { readonly kind: 'refused'; readonly status: number; readonly explanation: string | null }
  /** An answer that is not what this page understands. */
  | { readonly kind: 'unreadable'; readonly explanation: string };

export class LoadError extends Error {
  override readonly name = 'LoadError';

  constructor(readonly failure: LoadFailure) {
    super(failure.kind);
  }
}

/** Longest wait for each of the two answers. */
const timeoutMs = 10_000;

/** Throws only `LoadError`. */
export async function loadFirst(get: typeof fetch): Promise<Model> {
  const [contest, score] = await Promise.all([
    loadOne(get, '/v1/contest', parseContest),
    loadOne(get, '/v1/scores', parseScore),
  ]);
  return { contest, score, pulses: [] };
}

async function loadOne<T>(
  get: typeof fetch,
  path: string,
  parse: (value: unknown) => T,
): Promise<T> {
  let answer: Response;
  let body: string;
  try {
    answer = await get(path, {
      headers: { accept: 'application/json' },
      signal: AbortSignal.timeout(timeoutMs),
    });
    body = await answer.text();
  } catch {
    throw new LoadError({ kind: 'unreachable' });
  }
  if (!answer.ok) {
    throw new LoadError({ kind: 'refused', status: answer.status, explanation: explain(body) });
  }
  try {
    return parse(JSON.parse(body));
  } catch (error) {
    const explanation = error instanceof ShapeError ? error.message : 'JSON';
    throw new LoadError({ kind: 'unreadable', explanation: `${path} — ${explanation}` });
  }
}

function explain(body: string): string | null {
  try {
    const { title, detail } = parseProblem(JSON.parse(body));
    return [title, detail].filter((part) => part !== null).join(' — ') || null;
  } catch {
    // Something in between, a proxy perhaps, answered for the server: the status has to do.
    return null;
  }
}
