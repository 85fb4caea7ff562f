/**
 * The model of the page: the contest, its score and the stats, and the figures derived from them.
 *
 * A `Model` is a value: each event of the stream gives the next one. Nothing here touches the page,
 * the clock or the network.
 */
import type { Contest, StatsPoint, Score } from './api';
import { mergeStats } from './history';

export interface Model {
  readonly contest: Contest;
  readonly score: Score;
  /** Oldest first, at most the last five minutes. */
  readonly stats: readonly StatsPoint[];
}

/** Another seed means another contest. Then the stats of the old one are dropped. */
export function withContest(model: Model, contest: Contest): Model {
  const same = contest.seedCommitment === model.contest.seedCommitment;
  return { ...model, contest, stats: same ? model.stats : [] };
}

export function withScore(model: Model, score: Score): Model {
  return { ...model, score };
}

export function withStats(model: Model, arrived: readonly StatsPoint[]): Model {
  return { ...model, stats: mergeStats(model.stats, arrived) };
}

/** Results in the log that the score does not hold yet: from the last point, else the positions. */
export function lagOf(model: Model): number {
  const latest = model.stats.at(-1);
  if (latest) return latest.lag;
  return model.score.positions.reduce((sum, at) => sum + Math.max(0, at.endOffset - at.nextOffset), 0);
}

/**
 * True when the server of this page takes the entries itself, and before the first point.
 *
 * A server that only shows the score knows neither the rejections nor the times of the answers.
 */
export function takesEntries(stats: readonly StatsPoint[]): boolean {
  return stats.at(-1)?.rejected !== null;
}

export interface Sides {
  readonly winners: number;
  readonly losers: number;
}

export interface Lane extends Sides {
  readonly name: string;
  readonly total: number;
}

export interface Tables {
  readonly faculties: readonly Lane[];
  readonly disciplines: readonly Lane[];
  /** One row for each of `faculties`, one cell for each of `disciplines`. */
  readonly cells: readonly (readonly Sides[])[];
}

/**
 * The score in the contest's order.
 *
 * A name may be counted but no longer configured. It follows at the end, so that the rows always add
 * up to the total.
 */
export function tabulate(contest: Contest, score: Score): Tables {
  const faculties = namesOf(contest.faculties, score.byFaculty);
  const disciplines = namesOf(
    contest.disciplines.map((discipline) => discipline.name),
    score.byDiscipline,
  );
  const cells = faculties.map(() => disciplines.map(() => ({ winners: 0, losers: 0 })));
  const rowOf = new Map(faculties.map((name, index) => [name, index]));
  const columnOf = new Map(disciplines.map((name, index) => [name, index]));
  for (const { faculty, discipline, outcome, count } of score.breakdown) {
    const cell = cells[rowOf.get(faculty) ?? -1]?.[columnOf.get(discipline) ?? -1];
    if (!cell) continue;
    if (outcome === 'winner') cell.winners += count;
    else cell.losers += count;
  }

  return {
    faculties: faculties.map((name, row) => ({
      name,
      total: score.byFaculty.get(name) ?? 0,
      ...addUp(cells[row] ?? []),
    })),
    disciplines: disciplines.map((name, column) => ({
      name,
      total: score.byDiscipline.get(name) ?? 0,
      ...addUp(cells.flatMap((row) => row[column] ?? [])),
    })),
    cells,
  };
}

/** The part that won, from 0 to 1. A half when both counts are 0. */
export function winningShare({ winners, losers }: Sides): number {
  const total = winners + losers;
  return total === 0 ? 0.5 : winners / total;
}

function addUp(cells: readonly Sides[]): Sides {
  return {
    winners: cells.reduce((sum, cell) => sum + cell.winners, 0),
    losers: cells.reduce((sum, cell) => sum + cell.losers, 0),
  };
}

function namesOf(
  configured: readonly string[],
  counted: ReadonlyMap<string, number>,
): readonly string[] {
  return [...new Set([...configured, ...counted.keys()])];
}
