/**
 * The state of the link on the page: the lamp at the top and, while the figures are stale, a note
 * over them that stays in sight.
 *
 * Screen readers announce only a change of state. Ages change every second and are left out.
 */
import { byId, setText } from './dom';
import { isStale, type Link, type LinkState } from './link';
import { fill } from './messages';
import type { Wording } from './wording';

/** `link.stale` is the page's own text for the note. */
type LinkKey = `link.${LinkState | 'age' | 'stale'}`;

export interface ConnectionView {
  readonly show: (link: Link, wording: Wording<LinkKey>) => void;
}

export function createConnection(): ConnectionView {
  const connection = byId('connection');
  const state = byId('connection-state');
  const age = byId('connection-age');
  const note = byId('stale');
  return {
    show(link, { messages, formats }) {
      connection.dataset['state'] = link.state;
      setText(state, messages[`link.${link.state}`]);
      const stale = isStale(link);
      const ago = formats.ago(link.ageMs);
      setText(age, stale ? fill(messages['link.age'], { ago }) : '');
      setText(note, stale ? fill(messages['link.stale'], { ago }) : '');
      note.hidden = !stale;
    },
  };
}
