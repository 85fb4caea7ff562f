/**
 * The breakdown: a table of faculties by disciplines, with winners and losers in each cell.
 *
 * On a narrow screen the styles fold the table into one block a row, with the cells below each other.
 * A browser may not take that for a table, so the elements have their roles as attributes.
 */
import { byId, make, setText } from '#shared/dom';
import type { PageWording } from '../messages';
import { winningShare, type Lane, type Sides, type Tables } from '../model';

/** With more disciplines than this a narrow screen scrolls the table sideways instead. */
const foldableColumns = 6;

export interface BreakdownView {
  readonly show: (tables: Tables, wording: PageWording) => void;
}

interface Cell {
  readonly element: HTMLElement;
  readonly show: (sides: Sides, total: number, wording: PageWording) => void;
}

export function createBreakdown(): BreakdownView {
  const table = byId('breakdown-table');
  let cells: Cell[][] = [];
  let drawn = '';

  return {
    show(tables, wording) {
      const { faculties, disciplines } = tables;
      const headings = JSON.stringify([
        wording.language,
        faculties.map((faculty) => faculty.name),
        disciplines.map((discipline) => discipline.name),
      ]);
      if (headings !== drawn) cells = build(table, tables, wording);
      drawn = headings;

      const everything = {
        winners: faculties.reduce((sum, faculty) => sum + faculty.winners, 0),
        losers: faculties.reduce((sum, faculty) => sum + faculty.losers, 0),
      };
      tables.cells.forEach((row, index) => {
        row.forEach((cell, column) => cells[index]?.[column]?.show(cell, sumOf(cell), wording));
        showLane(cells[index]?.[disciplines.length], faculties[index], wording);
      });
      const last = cells[faculties.length];
      disciplines.forEach((discipline, column) => {
        showLane(last?.[column], discipline, wording);
      });
      last?.[disciplines.length]?.show(everything, sumOf(everything), wording);
    },
  };
}

/** Fills `table`. Returns its cells: a row for each faculty and one of totals, each with its total. */
function build(
  table: HTMLElement,
  { faculties, disciplines }: Tables,
  { messages }: PageWording,
): Cell[][] {
  const total = messages['breakdown.total'];
  const columns = [...disciplines.map((discipline) => discipline.name), total];
  const rows = [...faculties.map((faculty) => faculty.name), total];
  const cells = rows.map(() => columns.map((column) => createCell(column)));
  const head = make(
    'tr',
    { role: 'row' },
    make('th', { role: 'columnheader', scope: 'col' }, messages['breakdown.faculty']),
    ...columns.map((column) => make('th', { role: 'columnheader', scope: 'col' }, column)),
  );
  const body = rows.map((row, index) =>
    make(
      'tr',
      { role: 'row' },
      make('th', { role: 'rowheader', scope: 'row' }, row),
      ...(cells[index] ?? []).map((cell) => cell.element),
    ),
  );
  table.classList.toggle('breakdown-foldable', disciplines.length <= foldableColumns);
  table.replaceChildren(
    make('thead', { role: 'rowgroup' }, head),
    make('tbody', { role: 'rowgroup' }, ...body),
  );
  return cells;
}

function createCell(column: string): Cell {
  const total = make('span', { class: 'cell-total' });
  const winners = make('span', {});
  const losers = make('span', {});
  const winnersLabel = make('span', { class: 'visually-hidden' });
  const losersLabel = make('span', { class: 'visually-hidden' });
  const content = make(
    'div',
    { class: 'cell' },
    // The column's name again: the narrow layout has no heading above the cell.
    make('span', { class: 'cell-column', 'aria-hidden': 'true' }, column),
    total,
    make('span', { class: 'split', 'aria-hidden': 'true' }),
    make('span', { class: 'cell-winners' }, winners, winnersLabel),
    make('span', { class: 'cell-losers' }, losers, losersLabel),
  );
  const element = make('td', { role: 'cell' }, content);
  return {
    element,
    show(sides, sum, { messages, formats }) {
      setText(total, formats.count(sum));
      setText(winners, formats.count(sides.winners));
      setText(losers, formats.count(sides.losers));
      setText(winnersLabel, ` ${messages['sides.winners']}`);
      setText(losersLabel, ` ${messages['sides.losers']}`);
      content.style.setProperty('--winners', String(winningShare(sides)));
      content.classList.toggle('cell-empty', sum === 0);
    },
  };
}

function showLane(cell: Cell | undefined, lane: Lane | undefined, wording: PageWording): void {
  if (cell && lane) cell.show(lane, lane.total, wording);
}

function sumOf({ winners, losers }: Sides): number {
  return winners + losers;
}
