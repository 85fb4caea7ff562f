/** The board: the total, winners against losers, and the figures of this second. */
import { byId, setText } from '#shared/dom';
import { noFigure } from '#shared/format';
import { isStale, type Link } from '#shared/link';
import { createReadout } from '#shared/readout';
import type { PageWording } from '../messages';
import { lagOf, winningShare, type Model } from '../model';

/** Places of the total from the start: nothing moves up to 99,999,999. */
const totalPlaces = 8;

export interface BoardView {
  readonly show: (model: Model, link: Link, wording: PageWording) => void;
}

export function createBoard(): BoardView {
  const split = byId('board-split');
  const total = createReadout(byId('total'), { places: totalPlaces, plates: true });
  const winners = createReadout(byId('winners'));
  const losers = createReadout(byId('losers'));
  const rate = createReadout(byId('rate'));
  const p99 = createReadout(byId('p99'));
  const lag = createReadout(byId('lag'));
  const p99Unit = byId('p99-unit');
  const winnersShare = byId('winners-share');
  const losersShare = byId('losers-share');

  return {
    show(model, link, { formats }) {
      const { score } = model;
      total.show(formats.count(score.total));
      winners.show(formats.count(score.winners));
      losers.show(formats.count(score.losers));
      lag.show(formats.count(lagOf(model)));

      const share = winningShare(score);
      const empty = score.total === 0;
      setText(winnersShare, empty ? noFigure : formats.share(share));
      setText(losersShare, empty ? noFigure : formats.share(1 - share));
      split.style.setProperty('--winners', String(share));
      split.classList.toggle('split-empty', empty);

      // A rate is about now, so a stale one is not shown. A count stays true of its time.
      const now = isStale(link) ? undefined : model.stats.at(-1);
      rate.show(now ? formats.rate(now.rate) : noFigure);
      const p99Ms = now?.p99Ms ?? null;
      p99.show(p99Ms === null ? noFigure : formats.latency(p99Ms));
      p99Unit.hidden = p99Ms === null;
    },
  };
}
