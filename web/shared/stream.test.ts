import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { asCount } from './shapes';
import { on, silenceLimitMs, Stream } from './stream';

/** An `EventSource` whose events the test makes. */
class FakeSource extends EventTarget {
  closed = false;

  say(event: string, data: unknown): void {
    this.dispatchEvent(new MessageEvent(event, { data: JSON.stringify(data) }));
  }

  close(): void {
    this.closed = true;
  }
}

let sources: FakeSource[];
const heard = { onScore: vi.fn(), onStats: vi.fn(), onUnreadable: vi.fn(), onLink: vi.fn() };

const count = (value: unknown): number => asCount(value, 'count');

function open(): Stream {
  return new Stream({
    url: '/stream',
    events: [on('score', count, heard.onScore), on('stats', count, heard.onStats)],
    onLink: heard.onLink,
    onUnreadable: heard.onUnreadable,
    connect: () => {
      const source = new FakeSource();
      sources.push(source);
      return source as unknown as EventSource;
    },
    now: () => Date.now(),
    random: () => 1,
  });
}

function last(): FakeSource {
  const source = sources.at(-1);
  if (!source) throw new Error('nothing was opened');
  return source;
}

beforeEach(() => {
  sources = [];
  vi.useFakeTimers({ now: 1_000_000 });
});

afterEach(() => {
  vi.useRealTimers();
  vi.resetAllMocks();
});

describe('Stream', () => {
  it('delivers each event by its name', () => {
    open();
    last().say('stats', 1);
    last().say('score', 2);
    expect([heard.onStats.mock.calls, heard.onScore.mock.calls]).toEqual([[[1]], [[2]]]);
  });

  it('says when the connection opens and when it is lost', () => {
    const stream = open();
    const seen: boolean[] = [];
    heard.onLink.mockImplementation(() => seen.push(stream.open));
    last().dispatchEvent(new Event('open'));
    last().dispatchEvent(new Event('error'));
    expect(seen).toEqual([true, false]);
  });

  it('counts an event as heard before it is delivered', () => {
    const stream = open();
    let heardAtMs: number | null = null;
    heard.onStats.mockImplementation(() => {
      heardAtMs = stream.heardAtMs;
    });
    last().say('stats', 1);
    expect(heardAtMs).toBe(1_000_000);
  });

  it('is open and heard only after the server answered', () => {
    const stream = open();
    expect([stream.open, stream.heardAtMs]).toEqual([false, null]);
    last().dispatchEvent(new Event('open'));
    last().say('stats', 1);
    expect([stream.open, stream.heardAtMs]).toEqual([true, 1_000_000]);
  });

  it('drops what it cannot read, and does not count it as heard', () => {
    const stream = open();
    last().say('score', 'many');
    last().dispatchEvent(new MessageEvent('stats', { data: '{' }));
    expect(heard.onUnreadable.mock.calls.map(([event]) => event as string)).toEqual(['score', 'stats']);
    expect(heard.onScore).not.toHaveBeenCalled();
    expect(stream.heardAtMs).toBeNull();
  });

  it('closes a source at its first error and opens another after a wait', () => {
    open();
    last().dispatchEvent(new Event('error'));
    expect([sources.length, last().closed]).toEqual([1, true]);
    vi.advanceTimersByTime(500);
    expect([sources.length, last().closed]).toEqual([2, false]);
  });

  it('waits longer after each failure, and short again after an event', () => {
    open();
    last().dispatchEvent(new Event('error'));
    vi.advanceTimersByTime(500);
    last().dispatchEvent(new Event('error'));
    vi.advanceTimersByTime(999);
    expect(sources.length).toBe(2);
    vi.advanceTimersByTime(1);
    expect(sources.length).toBe(3);

    last().say('stats', 1);
    last().dispatchEvent(new Event('error'));
    vi.advanceTimersByTime(500);
    expect(sources.length).toBe(4);
  });

  it('gives up a connection that died silently', () => {
    const stream = open();
    last().dispatchEvent(new Event('open'));
    last().say('stats', 1);
    vi.advanceTimersByTime(silenceLimitMs);
    stream.check();
    expect(stream.open).toBe(true);
    vi.advanceTimersByTime(1);
    stream.check();
    expect([stream.open, last().closed]).toEqual([false, true]);
  });

  it('gives a new source its own time before it counts as silent', () => {
    const stream = open();
    vi.advanceTimersByTime(silenceLimitMs + 1);
    stream.check();
    vi.advanceTimersByTime(500);
    stream.check();
    expect([sources.length, last().closed]).toEqual([2, false]);
  });

  it('hurries when asked to, and only when there is no connection', () => {
    const stream = open();
    stream.hurry();
    expect(sources.length).toBe(1);
    last().dispatchEvent(new Event('error'));
    stream.hurry();
    vi.advanceTimersByTime(60_000);
    expect(sources.length).toBe(2);
  });
});
