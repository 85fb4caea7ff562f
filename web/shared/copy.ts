/**
 * Buttons that copy a text.
 *
 * A browser gives the clipboard only to pages over HTTPS or of the same machine. Elsewhere the
 * button selects the text, and the visitor copies it.
 */
import { byId, setText } from './dom';
import type { Wording } from './wording';

/** How long the button shows its result. */
const answerMs = 2500;

type CopyKey = 'copy.done' | 'copy.selected';

export interface CopyOptions<Label extends string> {
  /** Id of the button. */
  readonly button: string;
  /** Id of the element whose text is copied. A closed disclosure around it opens for a selection. */
  readonly source: string;
  /** Message that the button has at rest. */
  readonly label: Label;
  readonly wording: () => Wording<Label | CopyKey>;
}

export function connectCopy<Label extends string>(options: CopyOptions<Label>): void {
  const { label, wording } = options;
  const button = byId(options.button);
  const source = byId(options.source);
  const announcement = byId('announcement');
  let timer: ReturnType<typeof setTimeout> | undefined;

  function answer(key: CopyKey): void {
    const text = wording().messages[key];
    setText(button, text);
    setText(announcement, text);
    clearTimeout(timer);
    timer = setTimeout(() => {
      setText(button, wording().messages[label]);
      setText(announcement, '');
    }, answerMs);
  }

  button.addEventListener('click', () => {
    copy(source.textContent).then(
      () => {
        answer('copy.done');
      },
      () => {
        select(source);
        answer('copy.selected');
      },
    );
  });
}

/** Rejects when the browser does not give the clipboard to this page. */
async function copy(text: string): Promise<void> {
  await navigator.clipboard.writeText(text);
}

function select(element: HTMLElement): void {
  element.closest('details')?.setAttribute('open', '');
  getSelection()?.selectAllChildren(element);
}
