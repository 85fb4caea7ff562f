/**
 * A live stream from the server: server-sent events, checked, that reconnects by itself.
 *
 * `EventSource` reconnects on its own, but not in every case: some browsers end it for good at a
 * 503 or a refused connection. It never notices a connection that died silently. So each source
 * is used once: at its first error, or after too long a silence, another one replaces it.
 *
 * The server repeats the whole state on each connection and sends an event every second.
 */
import { retryDelayMs } from './retry';

/** One kind of event. Made by `on`. */
export interface StreamEvent {
  readonly name: string;
  /** Checks a value and returns its delivery. Throws when the value is not as agreed. */
  readonly read: (value: unknown) => () => void;
}

/** `parse` checks the value of an event with that name, and `deliver` receives the result. */
export function on<T>(
  name: string,
  parse: (value: unknown) => T,
  deliver: (parsed: T) => void,
): StreamEvent {
  return {
    name,
    read: (value) => {
      const parsed = parse(value);
      return () => {
        deliver(parsed);
      };
    },
  };
}

export interface StreamOptions {
  readonly url: string;
  readonly events: readonly StreamEvent[];
  /** The connection opened or was lost. */
  readonly onLink: () => void;
  /** An event was not readable. It was dropped and does not count as heard. */
  readonly onUnreadable: (event: string, reason: unknown) => void;
  readonly connect: (url: string) => EventSource;
  readonly now: () => number;
  readonly random: () => number;
}

/** After this much silence the connection is given up. */
export const silenceLimitMs = 6_000;

export class Stream {
  readonly #options: StreamOptions;
  /** Null while the next attempt is awaited. */
  #source: EventSource | null = null;
  #open = false;
  #heardAtMs: number | null = null;
  #triedAtMs = 0;
  #failures = 0;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;

  /** Connects at once. */
  constructor(options: StreamOptions) {
    this.#options = options;
    this.#connect();
  }

  get open(): boolean {
    return this.#open;
  }

  /** Time of the last readable event, by the clock in the options. Null before the first. */
  get heardAtMs(): number | null {
    return this.#heardAtMs;
  }

  /** Replaces a source that is silent for too long. Call it about once a second. */
  check(): void {
    const silentMs = this.#options.now() - Math.max(this.#triedAtMs, this.#heardAtMs ?? 0);
    if (this.#source && silentMs > silenceLimitMs) this.#giveUp();
  }

  /** Tries now instead of waiting. Does nothing while connected. */
  hurry(): void {
    if (!this.#source) this.#connect();
  }

  #connect(): void {
    clearTimeout(this.#retryTimer);
    this.#triedAtMs = this.#options.now();
    const source = this.#options.connect(this.#options.url);
    this.#source = source;
    source.addEventListener('open', () => {
      this.#open = true;
      this.#options.onLink();
    });
    source.addEventListener('error', () => {
      this.#giveUp();
    });
    for (const event of this.#options.events) {
      source.addEventListener(event.name, ({ data }: MessageEvent<string>) => {
        this.#take(event, data);
      });
    }
  }

  #take(event: StreamEvent, data: string): void {
    let deliver: () => void;
    try {
      deliver = event.read(JSON.parse(data));
    } catch (reason) {
      this.#options.onUnreadable(event.name, reason);
      return;
    }
    this.#heardAtMs = this.#options.now();
    this.#failures = 0;
    deliver();
  }

  #giveUp(): void {
    this.#source?.close();
    this.#source = null;
    this.#open = false;
    this.#failures += 1;
    const delayMs = retryDelayMs(this.#failures, this.#options.random());
    this.#retryTimer = setTimeout(() => {
      this.#connect();
    }, delayMs);
    this.#options.onLink();
  }
}
