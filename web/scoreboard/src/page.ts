/**
 * The page as a whole: what it knows, drawn at most once a frame.
 *
 * Messages may come faster than the screen; each only marks the page as changed, and the next
 * frame draws the latest. A hidden tab has no frames, so it draws nothing.
 */
import { otherLanguage, type Language } from './language';
import { linkOf, type LinkFacts } from './link';
import type { LoadFailure } from './load';
import { fill } from './messages';
import { tabulate, takesEntries, type Model } from './model';
import { remember } from './remembered';
import { startTheme } from './theme';
import { createBoard } from './view/board';
import { createCoin } from './view/coin';
import { createConnection } from './view/connection';
import { connectCopy } from './view/copy';
import { createCrossed } from './view/crossed';
import { byId, setText } from './view/dom';
import { createEmpty } from './view/empty';
import { createLanes } from './view/lanes';
import { createLog } from './view/log';
import { createTimeline } from './view/timeline';
import { translate, wordingFor } from './wording';

export type PageState =
  | { readonly phase: 'loading' }
  | { readonly phase: 'failed'; readonly failure: LoadFailure }
  | { readonly phase: 'ready'; readonly model: Model; readonly link: LinkFacts };

export interface PageOptions {
  readonly language: Language;
  /** The browser's languages, most wanted first. */
  readonly preferred: readonly string[];
  /** Gives the state to draw; called once a frame. */
  readonly state: () => PageState;
  readonly onRetry: () => void;
  readonly now: () => number;
}

export interface Page {
  /** Something changed: draw in the next frame. */
  readonly changed: () => void;
}

export function openPage(options: PageOptions): Page {
  let wording = wordingFor(options.language, options.preferred);
  let frame: number | null = null;

  const theme = startTheme(document.documentElement, () => {
    timeline.restyle();
    changed();
  });
  const connection = createConnection();
  const board = createBoard();
  const empty = createEmpty();
  const faculties = createLanes('by-faculty');
  const disciplines = createLanes('by-discipline');
  const timeline = createTimeline(changed);
  const crossed = createCrossed();
  const coin = createCoin();
  const log = createLog();

  function changed(): void {
    frame ??= requestAnimationFrame(draw);
  }

  function draw(): void {
    frame = null;
    const state = options.state();
    document.body.dataset['phase'] = state.phase;
    byId('theme').ariaPressed = String(theme.current === 'dark');
    if (state.phase === 'ready') drawScore(state.model, state.link);
    if (state.phase === 'failed') drawFailure(state.failure);
  }

  function drawScore(model: Model, facts: LinkFacts): void {
    const { messages, formats } = wording;
    const { contest, score } = model;
    const link = linkOf(facts, options.now());
    const tables = tabulate(contest, score);
    document.body.dataset['entries'] = takesEntries(model.pulses) ? 'here' : 'elsewhere';
    document.title = fill(messages['page.title'], { contest: contest.name });
    setText(byId('contest-name'), contest.name);
    setText(
      byId('began'),
      fill(messages['page.began'], { moment: formats.moment(contest.startedAtMs) }),
    );
    connection.show(link, wording);
    board.show(model, link, wording);
    empty.show(model);
    faculties.show(tables.faculties, wording);
    disciplines.show(tables.disciplines, wording);
    timeline.show(model, wording);
    crossed.show(tables, wording);
    coin.show(contest);
    log.show(model, wording);
  }

  function drawFailure(failure: LoadFailure): void {
    const status = failure.kind === 'refused' ? String(failure.status) : '';
    const explanation = failure.kind === 'unreachable' ? '' : (failure.explanation ?? '');
    setText(byId('failed-why'), fill(wording.messages[`failed.${failure.kind}`], { status }));
    setText(byId('failed-detail'), explanation);
  }

  byId('theme').addEventListener('click', theme.toggle);
  byId('retry').addEventListener('click', options.onRetry);
  byId('language').addEventListener('click', () => {
    const language = otherLanguage(wording.language);
    remember('language', language);
    speak(language);
  });
  connectCopy({
    button: 'copy-command',
    source: 'command',
    label: 'copy.command',
    wording: () => wording,
  });
  connectCopy({
    button: 'copy-commitment',
    source: 'commitment-full',
    label: 'copy.commitment',
    wording: () => wording,
  });

  function speak(language: Language): void {
    wording = wordingFor(language, options.preferred);
    translate(document, wording);
    // The switch names the other language, in that language.
    byId('language').lang = otherLanguage(language);
    changed();
  }

  speak(options.language);
  return { changed };
}
