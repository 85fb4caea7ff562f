/**
 * The last five minutes: the chart, and below it its main figures.
 *
 * The chart is a file of its own that loads after the score. If it does not load, the page says so
 * and the figures stay.
 */
import { byId, setText } from '#shared/dom';
import { noFigure } from '#shared/format';
import { summarise } from '../history';
import type { PageWording } from '../messages';
import { takesEntries, type Model } from '../model';
import type { Chart } from './chart';

export interface TimelineView {
  readonly show: (model: Model, wording: PageWording) => void;
  /** The theme changed: the next `show` draws again even if the stats are the same. */
  readonly restyle: () => void;
}

/** `onReady` is called once the chart can draw. It has to ask for a frame. */
export function createTimeline(onReady: () => void): TimelineView {
  const host = byId('timeline-chart');
  const facts = {
    rateMax: byId('rate-max'),
    rateMean: byId('rate-mean'),
    p99Max: byId('p99-max'),
    accepted: byId('accepted'),
    rejected: byId('rejected'),
  };
  let chart: Chart | null = null;
  let drawn: { stats: Model['stats']; wording: PageWording } | null = null;

  import('./chart').then(
    ({ createChart }) => {
      chart = createChart(host);
      onReady();
    },
    () => {
      host.hidden = true;
      byId('timeline-failed').hidden = false;
    },
  );

  return {
    show({ stats }, wording) {
      const { formats, messages } = wording;
      host.ariaLabel = messages[takesEntries(stats) ? 'timeline.label' : 'timeline.label-rate'];
      const summary = summarise(stats);
      const latest = stats.at(-1);
      setText(facts.rateMax, summary ? formats.rate(summary.rateMax) : noFigure);
      setText(facts.rateMean, summary ? formats.rate(summary.rateMean) : noFigure);
      const worst = summary?.p99MsMax ?? null;
      setText(facts.p99Max, worst === null ? noFigure : `${formats.latency(worst)} ms`);
      setText(facts.accepted, latest ? formats.count(latest.accepted) : noFigure);
      const rejected = latest?.rejected ?? null;
      setText(facts.rejected, rejected === null ? noFigure : formats.count(rejected));

      // Scores come five times a second and stats once, so only a point redraws the canvas.
      if (!chart || (drawn?.stats === stats && drawn.wording === wording)) return;
      chart.show(stats, wording);
      drawn = { stats, wording };
    },
    restyle() {
      drawn = null;
    },
  };
}
