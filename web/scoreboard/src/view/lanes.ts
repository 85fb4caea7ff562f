/**
 * Counts as the lanes of a track: one lane a name, in the contest's order, so that no lane jumps.
 *
 * The length of a bar is its count against the largest one. A seam parts winners and losers.
 */
import { byId, make, setText } from '#shared/dom';
import type { PageWording } from '../messages';
import { winningShare, type Lane } from '../model';

export interface LanesView {
  readonly show: (lanes: readonly Lane[], wording: PageWording) => void;
}

interface Row {
  readonly lane: HTMLElement;
  readonly name: HTMLElement;
  readonly count: HTMLElement;
  readonly share: HTMLElement;
}

/** `id` is that of the list in `index.html`. */
export function createLanes(id: string): LanesView {
  const list = byId(id);
  let rows: Row[] = [];

  return {
    show(lanes, { formats }) {
      if (rows.length !== lanes.length) {
        rows = lanes.map(createRow);
        list.replaceChildren(...rows.map((row) => row.lane));
      }
      const longest = Math.max(...lanes.map((lane) => lane.total));
      const sum = lanes.reduce((total, lane) => total + lane.total, 0);
      lanes.forEach((lane, index) => {
        const row = rows[index];
        if (!row) return;
        setText(row.name, lane.name);
        setText(row.count, formats.count(lane.total));
        setText(row.share, sum === 0 ? '' : formats.share(lane.total / sum));
        row.lane.style.setProperty('--length', String(longest === 0 ? 0 : lane.total / longest));
        row.lane.style.setProperty('--winners', String(winningShare(lane)));
      });
    },
  };
}

function createRow(): Row {
  const name = make('span', { class: 'lane-name' });
  const count = make('span', { class: 'lane-count' });
  const share = make('span', { class: 'lane-share' });
  const bar = make('span', { class: 'lane-bar', 'aria-hidden': 'true' });
  const figures = make('span', { class: 'lane-figures' }, count, ' ', share);
  const head = make('span', { class: 'lane-head' }, name, ' ', figures);
  const lane = make('li', { class: 'lane' }, head, bar);
  return { lane, name, count, share };
}
