/**
 * The live stream of the score: server-sent events, checked, that come back by themselves.
 *
 * `EventSource` reconnects on its own, but not in every case (a 503 or a refused connection ends it
 * for good in some browsers) and never notices a connection that died silently. So each source is
 * used once: at its first error, or after too long a silence, it is closed and a new one opened.
 * The server repeats the whole state on connect, so nothing has to be resumed.
 */
import {
  parseContest,
  parseHistory,
  parsePulse,
  parseScore,
  type Contest,
  type Pulse,
  type Score,
} from './api';
import { retryDelayMs } from './retry';

export interface StreamOptions {
  readonly url: string;
  readonly onContest: (contest: Contest) => void;
  readonly onScore: (score: Score) => void;
  /** One pulse, or the history that comes on connect. */
  readonly onPulses: (pulses: readonly Pulse[]) => void;
  /** The connection opened or was lost. */
  readonly onLink: () => void;
  /** A message was not readable; it was dropped, and does not count as heard. */
  readonly onUnreadable: (event: string, reason: unknown) => void;
  readonly connect: (url: string) => EventSource;
  readonly now: () => number;
  readonly random: () => number;
}

export interface Stream {
  readonly open: boolean;
  /** Time of the last readable message by the clock in the options; null before the first. */
  readonly heardAtMs: number | null;
  /** Ends a source that has been silent for too long; to be called about once a second. */
  readonly check: () => void;
  /** Tries again now instead of waiting; does nothing while connected. */
  readonly hurry: () => void;
}

/** Pulses come every second: after this much silence the connection is given up. */
export const silenceLimitMs = 6_000;

export function openStream(options: StreamOptions): Stream {
  let source: EventSource | null = null;
  let open = false;
  let heardAtMs: number | null = null;
  let triedAtMs = 0;
  let failures = 0;
  let retryTimer: ReturnType<typeof setTimeout> | undefined;

  function connect(): void {
    clearTimeout(retryTimer);
    triedAtMs = options.now();
    const mine = options.connect(options.url);
    source = mine;
    mine.addEventListener('open', () => {
      open = true;
      options.onLink();
    });
    mine.addEventListener('error', giveUp);
    listen(mine, 'contest', parseContest, options.onContest);
    listen(mine, 'score', parseScore, options.onScore);
    listen(mine, 'history', parseHistory, options.onPulses);
    listen(mine, 'stats', parsePulse, (pulse) => {
      options.onPulses([pulse]);
    });
  }

  function listen<T>(
    from: EventSource,
    event: string,
    parse: (value: unknown) => T,
    deliver: (value: T) => void,
  ): void {
    from.addEventListener(event, ({ data }: MessageEvent<string>) => {
      let value: T;
      try {
        value = parse(JSON.parse(data));
      } catch (reason) {
        options.onUnreadable(event, reason);
        return;
      }
      heardAtMs = options.now();
      failures = 0;
      deliver(value);
    });
  }

  function giveUp(): void {
    source?.close();
    source = null;
    open = false;
    failures += 1;
    retryTimer = setTimeout(connect, retryDelayMs(failures, options.random()));
    options.onLink();
  }

  connect();
  return {
    get open() {
      return open;
    },
    get heardAtMs() {
      return heardAtMs;
    },
    check() {
      const sinceMs = options.now() - Math.max(triedAtMs, heardAtMs ?? 0);
      if (source && sinceMs > silenceLimitMs) giveUp();
    },
    hurry() {
      if (!source) connect();
    },
  };
}
