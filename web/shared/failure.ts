/**
 * The notice that the first load failed: the reason, the server's own explanation, and the button
 * `#retry`. The styles show it while `data-phase` of the body is "failed".
 */
import { byId, setText } from './dom';
import type { LoadFailure } from './load';
import { fill } from './messages';
import type { Wording } from './wording';

type FailureKey = `failed.${LoadFailure['kind']}`;

export interface FailureView {
  readonly show: (failure: LoadFailure, wording: Wording<FailureKey>) => void;
}

export function createFailure(onRetry: () => void): FailureView {
  const why = byId('failed-why');
  const detail = byId('failed-detail');
  byId('retry').addEventListener('click', onRetry);
  return {
    show(failure, { messages }) {
      const status = failure.kind === 'refused' ? String(failure.status) : '';
      const explanation = failure.kind === 'unreachable' ? null : failure.explanation;
      setText(why, fill(messages[`failed.${failure.kind}`], { status }));
      setText(detail, explanation ?? '');
    },
  };
}
