/** The events of the live stream, and how each changes the model. */
import { on, type StreamEvent } from '#shared/stream';
import { parseContest, parseHistory, parseStatsPoint, parseScore } from './api';
import { withContest, withStats, withScore, type Model } from './model';

/** `update` receives one change of the model for each event. */
export function eventsOf(
  update: (change: (model: Model) => Model) => void,
): readonly StreamEvent[] {
  return [
    on('contest', parseContest, (contest) => {
      update((model) => withContest(model, contest));
    }),
    on('score', parseScore, (score) => {
      update((model) => withScore(model, score));
    }),
    on('history', parseHistory, (stats) => {
      update((model) => withStats(model, stats));
    }),
    on('stats', parseStatsPoint, (point) => {
      update((model) => withStats(model, [point]));
    }),
  ];
}
