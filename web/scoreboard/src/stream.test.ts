import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openStream, silenceLimitMs, type Stream } from './stream';

/** An `EventSource` that the test speaks through. */
class FakeSource extends EventTarget {
  closed = false;

  say(event: string, data: unknown): void {
    this.dispatchEvent(new MessageEvent(event, { data: JSON.stringify(data) }));
  }

  close(): void {
    this.closed = true;
  }
}

const pulse = { at_ms: 1, rate: 1, p99_ms: null, accepted: 1, rejected: 0, lag: 0 };

let sources: FakeSource[];
const heard = { onContest: vi.fn(), onScore: vi.fn(), onPulses: vi.fn(), onUnreadable: vi.fn() };

function open(): Stream {
  return openStream({
    ...heard,
    url: '/stream',
    onLink: vi.fn(),
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
  vi.clearAllMocks();
});

describe('openStream', () => {
  it('hands on a pulse and a history alike', () => {
    open();
    last().say('stats', pulse);
    last().say('history', [pulse, pulse]);
    expect(heard.onPulses.mock.calls.map(([pulses]) => (pulses as unknown[]).length)).toEqual([1, 2]);
  });

  it('is open and heard only after the server spoke', () => {
    const stream = open();
    expect([stream.open, stream.heardAtMs]).toEqual([false, null]);
    last().dispatchEvent(new Event('open'));
    last().say('stats', pulse);
    expect([stream.open, stream.heardAtMs]).toEqual([true, 1_000_000]);
  });

  it('drops what it cannot read, and does not count it as heard', () => {
    const stream = open();
    last().say('score', { total: 'many' });
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

  it('waits longer after each failure, and short again once it was heard', () => {
    open();
    last().dispatchEvent(new Event('error'));
    vi.advanceTimersByTime(500);
    last().dispatchEvent(new Event('error'));
    vi.advanceTimersByTime(999);
    expect(sources.length).toBe(2);
    vi.advanceTimersByTime(1);
    expect(sources.length).toBe(3);

    last().say('stats', pulse);
    last().dispatchEvent(new Event('error'));
    vi.advanceTimersByTime(500);
    expect(sources.length).toBe(4);
  });

  it('gives up a connection that died without saying so', () => {
    const stream = open();
    last().dispatchEvent(new Event('open'));
    last().say('stats', pulse);
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

  it('tries at once when told to hurry, and only when there is no connection', () => {
    const stream = open();
    stream.hurry();
    expect(sources.length).toBe(1);
    last().dispatchEvent(new Event('error'));
    stream.hurry();
    vi.advanceTimersByTime(60_000);
    expect(sources.length).toBe(2);
  });
});
