/**
 * The scoreboard in a real browser over the real program.
 *
 * A test sends entries over HTTP and checks what the page shows. Each test has a server with its own
 * empty data directory.
 *
 *   ESTADIO_BIN=/path/to/estadio [CHROMIUM=/usr/bin/chromium] npm run e2e
 *
 * Without ESTADIO_BIN it fails. Without Chromium it skips and says so. No test sleeps: each wait is
 * for a condition and has a limit.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { after, before, describe, it } from 'node:test';
import { chromium } from 'playwright-core';
import { startEstadio } from './estadio.mjs';

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
const binary = process.env.ESTADIO_BIN ?? '';
if (binary === '') {
  throw new Error('ESTADIO_BIN is not set: it is the path of the estadio binary to test.');
}
const skip = existsSync(executablePath)
  ? false
  : `there is no Chromium at ${executablePath}; set CHROMIUM to where it is`;
if (skip) console.error(`SKIPPED, the scoreboard was not tested: ${skip}`);

/** Longest wait for a text to show. */
const limitMs = 20_000;

/** @type {import('playwright-core').Browser} */
let browser;

before(async () => {
  if (skip) return;
  browser = await chromium.launch({
    executablePath,
    args: [
      '--headless=new',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
    ],
  });
});

after(async () => {
  if (!skip) await browser.close();
});

/**
 * @typedef {object} Visit
 * @property {import('playwright-core').Page} page
 * @property {import('./estadio.mjs').Estadio} estadio
 * @property {() => Promise<void>} restart  Starts the program again, on the same port and data.
 * @property {string[]} complaints  Errors on the console and uncaught errors, so far.
 * @property {string[]} requests  Addresses that the page asked for, so far.
 */

/**
 * Opens the page over a new server, calls `body` with it, and removes everything.
 *
 * @param {import('playwright-core').BrowserContextOptions} options
 * @param {(visit: Visit) => Promise<void>} body
 */
async function visit(options, body) {
  const data = await mkdtemp(join(tmpdir(), 'estadio-e2e-'));
  const context = await browser.newContext({ locale: 'es-GT', ...options });
  context.setDefaultTimeout(limitMs);
  /** @type {import('./estadio.mjs').Estadio | undefined} */
  let running;
  try {
    const estadio = await startEstadio({ binary, data });
    running = estadio;
    const page = await context.newPage();
    /** @type {string[]} */
    const complaints = [];
    /** @type {string[]} */
    const requests = [];
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('request', (request) => requests.push(request.url()));
    await page.goto(estadio.origin);
    await isIn(page, 'live');
    const restart = async () => {
      running = await startEstadio({ binary, data, http: estadio.address });
    };
    await body({ page, estadio, restart, complaints, requests });
  } finally {
    await context.close();
    await running?.stop();
    await rm(data, { recursive: true, force: true });
  }
}

/**
 * Sends entries. They are durable once this returns.
 *
 * @param {string} origin
 * @param {{ faculty: string, discipline: number }[]} entries
 */
async function send(origin, entries) {
  const answer = await fetch(`${origin}/v1/entries`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(entries),
  });
  assert.equal(answer.status, 200, await answer.text());
}

const engineering = { faculty: 'Ingeniería', discipline: 1 };
const agronomy = { faculty: 'Agronomía', discipline: 3 };

/** @param {string} testId */
const hook = (testId) => `[data-testid="${testId}"]`;

/**
 * Waits until an element's whole text is the expected one.
 *
 * @param {import('playwright-core').Page} page
 * @param {string} testId
 * @param {string} expected
 */
async function shows(page, testId, expected) {
  try {
    await page.waitForFunction(
      ([selector, text]) => document.querySelector(selector)?.textContent.trim() === text,
      /** @type {const} */ ([hook(testId), expected]),
    );
  } catch {
    assert.equal(await page.locator(hook(testId)).textContent(), expected, testId);
  }
}

/**
 * Waits until a lane of a track has the expected count.
 *
 * @param {import('playwright-core').Page} page
 * @param {string} testId
 * @param {string} name
 * @param {string} count
 */
async function laneShows(page, testId, name, count) {
  const lane = page.locator(`${hook(testId)} li`, { hasText: name });
  await lane.getByText(count, { exact: true }).waitFor();
}

/**
 * Waits until the page says that its connection is in a state.
 *
 * @param {import('playwright-core').Page} page
 * @param {string} state
 */
async function isIn(page, state) {
  await page.locator(`${hook('connection')}[data-state="${state}"]`).waitFor();
}

/**
 * How far the page is wider than its window, in CSS pixels.
 *
 * @param {import('playwright-core').Page} page
 */
function overflow(page) {
  return page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
}

/** @param {import('playwright-core').Page} page */
function groundColour(page) {
  return page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
}

describe('the scoreboard', { skip }, () => {
  it('shows how to send the first entry until there is one', async () => {
    await visit({}, async ({ page, estadio }) => {
      await shows(page, 'total', '0');
      const empty = page.locator(hook('empty'));
      await empty.waitFor();
      const line = await empty.locator('code').textContent();
      assert.ok(line?.startsWith(`curl '${estadio.origin}/v1/entries'`), line ?? 'no line');

      await send(estadio.origin, [engineering]);
      await empty.waitFor({ state: 'hidden' });
    });
  });

  it('shows new counts without a reload', async () => {
    await visit({}, async ({ page, estadio, requests }) => {
      await send(estadio.origin, [engineering, engineering, agronomy]);
      await shows(page, 'total', '3');
      await laneShows(page, 'by-faculty', 'Ingeniería', '2');
      await laneShows(page, 'by-faculty', 'Agronomía', '1');
      await laneShows(page, 'by-discipline', 'Natación', '2');
      await laneShows(page, 'by-discipline', 'Atletismo', '0');
      await laneShows(page, 'by-discipline', 'Boxeo', '1');
      await shows(page, 'lag', '0');

      await send(estadio.origin, [agronomy]);
      await shows(page, 'total', '4');
      assert.equal(requests.filter((url) => new URL(url).pathname === '/').length, 1);
    });
  });

  it('adds winners and losers up to the total, in the breakdown too', async () => {
    await visit({ locale: 'en-US' }, async ({ page, estadio }) => {
      await send(estadio.origin, Array.from({ length: 40 }, () => engineering));
      await shows(page, 'total', '40');
      const count = async (/** @type {string} */ testId) =>
        Number(await page.locator(hook(testId)).textContent());
      assert.equal((await count('outcome-winner')) + (await count('outcome-loser')), 40);

      const row = page.locator(`${hook('breakdown')} [role="row"]`, { hasText: 'Ingeniería' });
      const swimming = (await row.locator('[role="cell"]').first().innerText()).split(/\s+/);
      assert.ok(swimming.includes('40'), swimming.join(' '));
    });
  });

  it('leaves out the figures that only a server of entries knows', async () => {
    await visit({}, async ({ page }) => {
      await page.locator(hook('empty')).waitFor();
      await page.locator(hook('p99')).waitFor();
      await page.locator('#rejected').waitFor();
      // A point of `estadio scoreboard`.
      const point = { at_ms: Date.now(), rate: 5, p99_ms: null, accepted: 7, rejected: null, lag: 2 };
      await page.route('**/v1/scores/stream', (route) =>
        route.fulfill({
          contentType: 'text/event-stream',
          body: `event: history\ndata: ${JSON.stringify([point])}\n\n`,
        }),
      );
      await page.reload();
      await shows(page, 'lag', '2');
      for (const selector of [hook('p99'), '#p99-max', '#rejected', hook('empty'), '.key-p99']) {
        await page.locator(selector).first().waitFor({ state: 'hidden' });
      }
      assert.equal(await page.locator('#accepted').textContent(), '7');
      await page.getByRole('img', { name: /inscripciones por segundo\. Sus cifras/ }).waitFor();
    });
  });

  it('shows names with their accents', async () => {
    await visit({}, async ({ page }) => {
      const names = await page.locator(`${hook('by-faculty')} .lane-name`).allTextContents();
      assert.deepEqual(names, ['Ingeniería', 'Agronomía']);
      const lanes = await page.locator(`${hook('by-discipline')} .lane-name`).allTextContents();
      assert.deepEqual(lanes, ['Natación', 'Atletismo', 'Boxeo']);
      const headings = await page.locator(`${hook('breakdown')} th`).allTextContents();
      assert.ok(headings.includes('Ingeniería') && headings.includes('Natación'), headings.join());
    });
  });

  it('shows the commitment that the server published, and explains it', async () => {
    await visit({}, async ({ page, estadio }) => {
      /** @type {unknown} */
      const contest = await (await fetch(`${estadio.origin}/v1/contest`)).json();
      const { seed_commitment: seal } = /** @type {{ seed_commitment: string }} */ (contest);
      await shows(page, 'commitment', `${seal.slice(0, 8)}…${seal.slice(-8)}`);
      await page.getByText('Qué prueba esta huella').click();
      await page.getByText(seal, { exact: true }).waitFor();
    });
  });

  it('switches the language, writes numbers its way, and remembers it', async () => {
    await visit({ locale: 'en-US' }, async ({ page, estadio }) => {
      await send(estadio.origin, Array.from({ length: 1234 }, () => engineering));
      await shows(page, 'total', '1,234');
      await page.getByRole('heading', { name: 'By faculty' }).waitFor();
      assert.equal(await page.locator('html').getAttribute('lang'), 'en');

      await page.locator(hook('language')).click();
      await page.getByRole('heading', { name: 'Por facultad' }).waitFor();
      await shows(page, 'total', '1.234');
      assert.equal(await page.locator('html').getAttribute('lang'), 'es');

      await page.reload();
      await page.getByRole('heading', { name: 'Por facultad' }).waitFor();
    });
  });

  it('follows the theme of the system, and remembers another choice', async () => {
    await visit({ colorScheme: 'dark' }, async ({ page }) => {
      const theme = page.locator(hook('theme'));
      await page.locator(`${hook('theme')}[aria-pressed="true"]`).waitFor();
      const night = await groundColour(page);
      await page.emulateMedia({ colorScheme: 'light' });
      await page.locator(`${hook('theme')}[aria-pressed="false"]`).waitFor();
      const day = await groundColour(page);
      assert.notEqual(day, night);

      await theme.click();
      await page.locator(`${hook('theme')}[aria-pressed="true"]`).waitFor();
      assert.equal(await groundColour(page), night);
      await page.reload();
      await page.locator(`${hook('theme')}[aria-pressed="true"]`).waitFor();
      assert.equal(await groundColour(page), night);
    });
  });

  it('survives a restart of the server, and marks its figures as old meanwhile', async () => {
    await visit({}, async ({ page, estadio, restart, requests }) => {
      await send(estadio.origin, [engineering, agronomy]);
      await shows(page, 'total', '2');

      await estadio.stop();
      await isIn(page, 'reconnecting');
      await page.locator(hook('stale')).waitFor();
      await shows(page, 'total', '2');
      await shows(page, 'rate', '—');

      await restart();
      await isIn(page, 'live');
      await page.locator(hook('stale')).waitFor({ state: 'hidden' });
      await shows(page, 'total', '2');
      await send(estadio.origin, [agronomy]);
      await shows(page, 'total', '3');
      assert.equal(requests.filter((url) => new URL(url).pathname === '/').length, 1);
    });
  });

  it('says why the first load failed, and loads by itself afterwards', async () => {
    await visit({ locale: 'en-US' }, async ({ page }) => {
      await page.route('**/v1/contest', (route) =>
        route.fulfill({
          status: 503,
          contentType: 'application/problem+json',
          body: JSON.stringify({ title: 'Unavailable', detail: 'the score book is away' }),
        }),
      );
      await page.reload();
      await page.locator(hook('failed')).waitFor();
      await page.getByText('Unavailable — the score book is away').waitFor();

      await page.unroute('**/v1/contest');
      await isIn(page, 'live');
      await page.locator(hook('failed')).waitFor({ state: 'hidden' });
    });
  });

  it('is no wider than a telephone of 360 pixels', async () => {
    await visit({ viewport: { width: 360, height: 800 } }, async ({ page, estadio }) => {
      assert.equal(await overflow(page), 0, 'empty');
      await send(estadio.origin, Array.from({ length: 1234 }, () => engineering));
      await shows(page, 'total', '1,234');
      await page.locator('#timeline-chart canvas').waitFor();
      for (const summary of await page.locator('summary').all()) await summary.click();
      assert.equal(await overflow(page), 0, 'with counts, everything unfolded');
      await page.locator(hook('language')).click();
      await page.getByRole('heading', { name: 'By faculty' }).waitFor();
      assert.equal(await overflow(page), 0, 'in English');
    });
  });

  it('works with the keyboard alone, and shows the focus', async () => {
    await visit({ locale: 'en-US' }, async ({ page }) => {
      await page.keyboard.press('Tab');
      const skipLink = page.getByRole('link', { name: 'Skip to the scoreboard' });
      assert.ok(await skipLink.evaluate((link) => link === document.activeElement));

      const reached = [];
      for (const id of ['language', 'theme']) {
        await page.keyboard.press('Tab');
        reached.push(
          await page.evaluate(() => {
            const focused = document.activeElement ?? document.body;
            const { outlineStyle } = getComputedStyle(focused);
            return `${focused.id} ${outlineStyle}`;
          }),
        );
        assert.equal(reached.at(-1), `${id} solid`);
      }

      await page.keyboard.press('Shift+Tab');
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: 'Por facultad' }).waitFor();

      const copy = page.getByRole('button', { name: 'Copiar la huella' });
      const isThere = () => copy.evaluate((button) => button === document.activeElement);
      // The limit is generous: the page has fewer stops before the button.
      for (let stops = 0; stops < 15 && !(await isThere()); stops++) {
        await page.keyboard.press('Tab');
      }
      assert.ok(await isThere(), 'the button that copies the commitment was not reached');
    });
  });

  it('writes no error to the console, and asks no other host', async () => {
    await visit({}, async ({ page, estadio, complaints, requests }) => {
      await send(estadio.origin, [engineering, agronomy]);
      await shows(page, 'total', '2');
      await page.locator('#timeline-chart canvas').waitFor();
      await page.locator(hook('language')).click();
      await page.locator(hook('theme')).click();
      await page.reload();
      await isIn(page, 'live');
      assert.deepEqual(complaints, []);
      const abroad = requests.filter((url) => new URL(url).origin !== estadio.origin);
      assert.deepEqual(abroad, []);
    });
  });
});
