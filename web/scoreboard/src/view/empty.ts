/** The notice that there are no entries yet, with the line that sends the first one. */
import { byId, setText } from '#shared/dom';
import { curlLine } from '../command';
import type { Model } from '../model';

export interface EmptyView {
  readonly show: (model: Model) => void;
}

export function createEmpty(): EmptyView {
  const empty = byId('empty');
  const command = byId('command');
  return {
    show({ contest, score }) {
      const line = curlLine(contest, location.origin);
      empty.hidden = score.total > 0 || line === null;
      setText(command, line ?? '');
    },
  };
}
