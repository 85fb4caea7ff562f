/**
 * Loading JSON: one request, and the first load of a page, which is repeated until it succeeds.
 *
 * A failure is a value that the page can show. See `failure.ts` for its words.
 */
import { parseProblem } from './problem';
import { retryDelayMs } from './retry';
import { ShapeError } from './shapes';

export type LoadFailure =
  /** There was no answer: the server or the network is away. */
  | { readonly kind: 'unreachable' }
  /** The answer has an error status. The explanation is the server's own, if it gave one. */
  | { readonly kind: 'refused'; readonly status: number; readonly explanation: string | null }
  /** The page does not understand the answer. */
  | { readonly kind: 'unreadable'; readonly explanation: string };

export class LoadError extends Error {
  override readonly name = 'LoadError';

  constructor(readonly failure: LoadFailure) {
    super(failure.kind);
  }
}

/** Longest wait for an answer. */
const timeoutMs = 10_000;

/** Asks for `path`; `parse` checks the answer's value. Rejects only with a `LoadError`. */
export async function loadJson<T>(
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
    // The body is not JSON: a proxy may have answered. The status has to do.
    return null;
  }
}

export interface FirstLoadOptions<T> {
  /** Rejects with a `LoadError` when it fails. */
  readonly load: () => Promise<T>;
  /** Called once, with the loaded value. */
  readonly onLoaded: (loaded: T) => void;
  /** Called after each failure. The next attempt comes by itself. */
  readonly onFailed: (failure: LoadFailure) => void;
  readonly random: () => number;
}

export interface FirstLoad {
  /** Tries now instead of waiting. Does nothing during an attempt. */
  readonly retry: () => void;
}

/** Starts the first attempt at once. Attempts never overlap. */
export function startFirstLoad<T>(options: FirstLoadOptions<T>): FirstLoad {
  let loading = false;
  let retryTimer: ReturnType<typeof setTimeout> | undefined;

  /** `number`: which attempt since the last call of `retry`, from 1. */
  async function attempt(number: number): Promise<void> {
    if (loading) return;
    loading = true;
    clearTimeout(retryTimer);
    try {
      options.onLoaded(await options.load());
    } catch (error) {
      if (!(error instanceof LoadError)) throw error;
      options.onFailed(error.failure);
      retryTimer = setTimeout(() => void attempt(number + 1), retryDelayMs(number, options.random()));
    } finally {
      loading = false;
    }
  }

  void attempt(1);
  return { retry: () => void attempt(1) };
}
