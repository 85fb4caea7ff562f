/** The page as a whole: its state, its wording and its theme, drawn at most once a frame. */
import { connectCopy } from '#shared/copy';
import { createFailure } from '#shared/failure';
import { oncePerFrame } from '#shared/frame';
import { linkOf, type LinkFacts } from '#shared/link';
import type { LoadFailure } from '#shared/load';
import { rememberedUnder } from '#shared/remembered';
import { startTheme } from '#shared/theme';
import { startWording } from '#shared/wording';
import { messagesIn } from './messages';
import type { Model } from './model';
import { createScore } from './view/score';

export type PageState =
  | { readonly phase: 'loading' }
  | { readonly phase: 'failed'; readonly failure: LoadFailure }
  | { readonly phase: 'ready'; readonly model: Model; readonly link: LinkFacts };

export interface PageOptions {
  /** The browser's languages, most wanted first. */
  readonly preferred: readonly string[];
  /** Gives the state to draw. Called once a frame. */
  readonly state: () => PageState;
  readonly onRetry: () => void;
  readonly now: () => number;
}

export interface Page {
  /** The state changed: the next frame draws it. */
  readonly changed: () => void;
}

export function openPage({ preferred, state, onRetry, now }: PageOptions): Page {
  const changed = oncePerFrame(draw);
  const remembered = rememberedUnder('estadio');
  const wording = startWording({ messagesIn, preferred, remembered, onChange: changed });
  const failure = createFailure(onRetry);
  const score = createScore(changed);
  startTheme({
    remembered,
    onChange: () => {
      score.restyle();
      changed();
    },
  });
  connectCopy({
    button: 'copy-command',
    source: 'command',
    label: 'copy.command',
    wording: () => wording.current,
  });
  connectCopy({
    button: 'copy-commitment',
    source: 'commitment-full',
    label: 'copy.commitment',
    wording: () => wording.current,
  });

  function draw(): void {
    const current = state();
    document.body.dataset['phase'] = current.phase;
    if (current.phase === 'failed') failure.show(current.failure, wording.current);
    if (current.phase === 'ready') {
      score.show(current.model, linkOf(current.link, now()), wording.current);
    }
  }

  return { changed };
}
