/** Wires the page: the first load, the live stream, and the browser's clock and network. */
import { startFirstLoad } from '#shared/load';
import { Stream } from '#shared/stream';
import { eventsOf } from './events';
import { loadModel } from './load';
import type { Model } from './model';
import { openPage, type PageState } from './page';

/** How often the page writes the ages and checks the stream for silence. */
const tickMs = 1000;

// The wall clock, because the monotonic one stops while a laptop sleeps.
const now = (): number => Date.now();

let state: PageState = { phase: 'loading' };

const page = openPage({
  preferred: navigator.languages,
  state: () => state,
  onRetry: () => {
    firstLoad.retry();
  },
  now,
});

page.changed();
const firstLoad = startFirstLoad({
  load: () => loadModel(fetch.bind(window)),
  onLoaded: follow,
  onFailed: (failure) => {
    become({ phase: 'failed', failure });
  },
  random: Math.random,
});

function become(next: PageState): void {
  state = next;
  page.changed();
}

/** Follows the stream from the loaded model on, until the page closes. */
function follow(loaded: Model): void {
  const loadedAtMs = now();
  let model = loaded;
  const stream = new Stream({
    url: '/v1/scores/stream',
    events: eventsOf((change) => {
      model = change(model);
      show();
    }),
    onLink: show,
    onUnreadable: (event, reason) => {
      console.warn(`The server sent a "${event}" that this page cannot read.`, reason);
    },
    connect: (url) => new EventSource(url),
    now,
    random: Math.random,
  });

  function show(): void {
    const { open, heardAtMs } = stream;
    const link = { open, heardAtMs, loadedAtMs, online: navigator.onLine };
    become({ phase: 'ready', model, link });
  }

  function tick(): void {
    stream.check();
    show();
  }

  setInterval(tick, tickMs);
  document.addEventListener('visibilitychange', tick);
  addEventListener('offline', show);
  addEventListener('online', () => {
    stream.hurry();
  });
  show();
}
