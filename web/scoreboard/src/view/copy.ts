/**
 * Buttons that copy a text. Browsers give the clipboard only to pages over HTTPS or on the same
 * machine; elsewhere the text is selected instead, and the visitor copies it.
 */
import type { Wording } from '../wording';
import { byId, setText } from './dom';

/** How long the button says what it did. */
const answerMs = 2500;

export interface CopyOptions {
  readonly button: string;
  /** Id of the element whose text is copied; opened first when it is inside a closed disclosure. */
  readonly source: string;
  readonly label: 'copy.command' | 'copy.commitment';
  readonly wording: () => Wording;
}

export function connectCopy({ button, source, label, wording }: CopyOptions): void {
  const pressed = byId(button);
  const from = byId(source);
  const announcement = byId('announcement');
  let timer: ReturnType<typeof setTimeout> | undefined;

  function answer(key: 'copy.done' | 'copy.selected'): void {
    const said = wording().messages[key];
    setText(pressed, said);
    setText(announcement, said);
    clearTimeout(timer);
    timer = setTimeout(() => {
      setText(pressed, wording().messages[label]);
      setText(announcement, '');
    }, answerMs);
  }

  pressed.addEventListener('click', () => {
    copy(from.textContent).then(
      () => {
        answer('copy.done');
      },
      () => {
        select(from);
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
