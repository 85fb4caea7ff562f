import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { loadJson, LoadError, startFirstLoad, type LoadFailure } from './load';
import { asObject, asText } from './shapes';

const answering = (answer: Response): typeof fetch => () => Promise.resolve(answer);

const nameOf = (value: unknown): string => asText(asObject(value, 'team')['name'], 'team.name');

async function failureOf(get: typeof fetch): Promise<LoadFailure> {
  const error: unknown = await loadJson(get, '/team', nameOf).catch((reason: unknown) => reason);
  if (!(error instanceof LoadError)) throw new Error('it did not fail as it should');
  return error.failure;
}

describe('loadJson', () => {
  it('brings the value', async () => {
    const get = answering(Response.json({ name: 'Ingeniería' }));
    expect(await loadJson(get, '/team', nameOf)).toBe('Ingeniería');
  });

  it('says that the server does not answer', async () => {
    const refusing: typeof fetch = () => Promise.reject(new TypeError('refused'));
    expect(await failureOf(refusing)).toEqual({ kind: 'unreachable' });
  });

  it('passes on the explanation of the server', async () => {
    const problem = { title: 'Unavailable', detail: 'the score book is away' };
    expect(await failureOf(answering(Response.json(problem, { status: 503 })))).toEqual({
      kind: 'refused',
      status: 503,
      explanation: 'Unavailable — the score book is away',
    });
  });

  it('has no explanation when a proxy answered for the server', async () => {
    const gateway = new Response('<h1>Bad Gateway</h1>', { status: 502 });
    expect(await failureOf(answering(gateway))).toEqual({
      kind: 'refused',
      status: 502,
      explanation: null,
    });
  });

  it('names the place that it could not read', async () => {
    expect(await failureOf(answering(Response.json({ name: 7 })))).toEqual({
      kind: 'unreadable',
      explanation: '/team — team.name: expected a text',
    });
  });

  it('says that an answer is not JSON', async () => {
    expect(await failureOf(answering(new Response('{')))).toEqual({
      kind: 'unreadable',
      explanation: '/team — JSON',
    });
  });
});

describe('startFirstLoad', () => {
  const heard = { onLoaded: vi.fn(), onFailed: vi.fn() };
  const load = vi.fn<() => Promise<string>>();
  const start = (): (() => void) => startFirstLoad({ load, ...heard, random: () => 1 }).retry;

  beforeEach(() => {
    vi.useFakeTimers();
    load.mockRejectedValue(new LoadError({ kind: 'unreachable' }));
  });

  afterEach(() => {
    vi.useRealTimers();
    vi.resetAllMocks();
  });

  it('waits longer after each failure, until it succeeds', async () => {
    start();
    await vi.advanceTimersByTimeAsync(499);
    expect(load).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(load).toHaveBeenCalledTimes(2);
    load.mockResolvedValue('loaded');
    await vi.advanceTimersByTimeAsync(999);
    expect(heard.onLoaded).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(heard.onLoaded.mock.calls).toEqual([['loaded']]);
    expect(heard.onFailed.mock.calls).toEqual([[{ kind: 'unreachable' }], [{ kind: 'unreachable' }]]);
  });

  it('tries at once when asked to, and waits short again after that', async () => {
    const retry = start();
    await vi.advanceTimersByTimeAsync(500);
    retry();
    expect(load).toHaveBeenCalledTimes(3);
    await vi.advanceTimersByTimeAsync(500);
    expect(load).toHaveBeenCalledTimes(4);
  });

  it('has one attempt at a time', async () => {
    load.mockReturnValue(new Promise(() => undefined));
    const retry = start();
    retry();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(load).toHaveBeenCalledTimes(1);
  });
});
