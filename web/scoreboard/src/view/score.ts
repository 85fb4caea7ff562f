/** The whole score, shown once the first load succeeded. Each part has a view. */
import { createConnection } from '#shared/connection';
import { byId, setText } from '#shared/dom';
import { isStale, type Link } from '#shared/link';
import { fill } from '#shared/messages';
import type { Contest } from '../api';
import type { PageWording } from '../messages';
import { tabulate, takesEntries, type Model } from '../model';
import { createBoard } from './board';
import { createBreakdown } from './breakdown';
import { createCoin } from './coin';
import { createEmpty } from './empty';
import { createLanes } from './lanes';
import { createLog } from './log';
import { createTimeline } from './timeline';

export interface ScoreView {
  readonly show: (model: Model, link: Link, wording: PageWording) => void;
  /** The theme changed: the next `show` draws all colours again. */
  readonly restyle: () => void;
}

/** `onReady` is called once a part that loads later can draw. It has to ask for a frame. */
export function createScore(onReady: () => void): ScoreView {
  const score = byId('score');
  const connection = createConnection();
  const board = createBoard();
  const empty = createEmpty();
  const faculties = createLanes('by-faculty');
  const disciplines = createLanes('by-discipline');
  const timeline = createTimeline(onReady);
  const breakdown = createBreakdown();
  const coin = createCoin();
  const log = createLog();

  return {
    show(model, link, wording) {
      const tables = tabulate(model.contest, model.score);
      document.body.dataset['entries'] = takesEntries(model.stats) ? 'here' : 'elsewhere';
      score.classList.toggle('score-stale', isStale(link));
      showContest(model.contest, wording);
      connection.show(link, wording);
      board.show(model, link, wording);
      empty.show(model);
      faculties.show(tables.faculties, wording);
      disciplines.show(tables.disciplines, wording);
      timeline.show(model, wording);
      breakdown.show(tables, wording);
      coin.show(model.contest);
      log.show(model, wording);
    },
    restyle: timeline.restyle,
  };
}

function showContest({ name, startedAtMs }: Contest, { messages, formats }: PageWording): void {
  document.title = fill(messages['page.title'], { contest: name });
  setText(byId('contest-name'), name);
  setText(byId('began'), fill(messages['page.began'], { moment: formats.moment(startedAtMs) }));
}
