/** Wires the page: first load, then the live stream, and the browser's clock and network to both. */
import { pickLanguage } from './language';
import { LoadError, loadFirst } from './load';
import { withContest, withPulses, withScore, type Model } from './model';
import { openPage, type PageState } from './page';
import { recall } from './remembered';
import { retryDelayMs } from './retry';
import { openStream } from './stream';

/** How often ages are written anew and silence is looked for. */
const tickMs = 1000;

// The wall clock, because the monotonic one stands still while a laptop sleeps.
const now = (): number => Date.now();

let state: PageState = { phase: 'loading' };
let loading = false;
let retryTimer: ReturnType<typeof setTimeout> | undefined;

const page = openPage({
  language: pickLanguage(recall('language'), navigator.languages),
  preferred: navigator.languages,
  state: () => state,
  onRetry: () => void load(1),
  now,
});

/** `attempt`: this one's number, from 1. One at a time: asked for while one is under way, it is that one. */
async function load(attempt: number): Promise<void> {
  if (loading) return;
  loading = true;
  clearTimeout(retryTimer);
  try {
    follow(await loadFirst(fetch.bind(window)));
  } catch (error) {
    if (!(error instanceof LoadError)) throw error;
    state = { phase: 'failed', failure: error.failure };
    page.changed();
    retryTimer = setTimeout(() => void load(attempt + 1), retryDelayMs(attempt, Math.random()));
  } finally {
    loading = false;
  }
}

function follow(loaded: Model): void {
  const loadedAtMs = now();
  let model = loaded;
  const stream = openStream({
    url: '/v1/scores/stream',
    onContest: (contest) => {
      become(withContest(model, contest));
    },
    onScore: (score) => {
      become(withScore(model, score));
    },
    onPulses: (pulses) => {
      become(withPulses(model, pulses));
    },
    onLink: show,
    onUnreadable: (event, reason) => {
      console.warn(`The server sent a "${event}" that this page cannot read.`, reason);
    },
    connect: (url) => new EventSource(url),
    now,
    random: Math.random,
  });

  function become(next: Model): void {
    model = next;
    show();
  }

  function show(): void {
    const { open, heardAtMs } = stream;
    state = {
      phase: 'ready',
      model,
      link: { open, heardAtMs, loadedAtMs, online: navigator.onLine },
    };
    page.changed();
  }

  function tick(): void {
    stream.check();
    show();
  }

  setInterval(tick, tickMs);
  document.addEventListener('visibilitychange', tick);
  addEventListener('offline', show);
  addEventListener('online', stream.hurry);
  show();
}

page.changed();
void load(1);
