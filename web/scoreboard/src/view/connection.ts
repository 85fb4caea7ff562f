/**
 * How the page stands with the server: the lamp at the top and, while the figures are of the past,
 * a note over them that stays in sight, and the mark on the score by which the styles fade it.
 *
 * Only a change of state is announced to screen readers: ages change every second and are left out.
 */
import { isStale, type Link } from '../link';
import { fill } from '../messages';
import type { Wording } from '../wording';
import { byId, setText } from './dom';

export interface ConnectionView {
  readonly show: (link: Link, wording: Wording) => void;
}

export function createConnection(): ConnectionView {
  const connection = byId('connection');
  const state = byId('connection-state');
  const age = byId('connection-age');
  const score = byId('score');
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
      score.classList.toggle('score-stale', stale);
    },
  };
}
