/** The evidence that every result counts once: repeats, and the positions in the log. */
import { byId, make, setText } from '#shared/dom';
import type { Position } from '../api';
import type { PageWording } from '../messages';
import type { Model } from '../model';

export interface LogView {
  readonly show: (model: Model, wording: PageWording) => void;
}

export function createLog(): LogView {
  const repeated = byId('repeated');
  const body = byId('positions');
  let rows: HTMLElement[] = [];

  return {
    show({ score }, { formats }) {
      setText(repeated, formats.count(score.repeated));
      if (rows.length !== score.positions.length) {
        rows = score.positions.map(() =>
          make('tr', {}, ...Array.from({ length: 5 }, () => make('td', {}))),
        );
        body.replaceChildren(...rows);
      }
      score.positions.forEach((position, index) => {
        textsOf(position, formats.count).forEach((text, column) => {
          const cell = rows[index]?.children[column];
          if (cell) setText(cell, text);
        });
      });
    },
  };
}

function textsOf(position: Position, count: (value: number) => string): readonly string[] {
  const { topic, partition, nextOffset, endOffset } = position;
  return [
    topic,
    String(partition),
    count(nextOffset),
    count(endOffset),
    count(Math.max(0, endOffset - nextOffset)),
  ];
}
