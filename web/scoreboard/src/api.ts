/**
 * The values of the server, checked on arrival.
 *
 * Every value from the network enters through a `parse…` function, so the rest of the page can trust
 * the types. A value of another shape throws a `ShapeError` that names the place in it. Unknown
 * fields are ignored: an older page works with a newer server.
 */
import {
  asArray,
  asCount,
  asCounts,
  asNumber,
  asObject,
  asText,
  orNull,
  ShapeError,
} from '#shared/shapes';

export interface Discipline {
  readonly id: number;
  readonly name: string;
}

export interface Contest {
  readonly name: string;
  readonly faculties: readonly string[];
  readonly disciplines: readonly Discipline[];
  /** Hash of the coin's secret seed: 64 hexadecimal digits, published before the first entry. */
  readonly seedCommitment: string;
  readonly startedAtMs: number;
}

export type Outcome = 'winner' | 'loser';

export interface BreakdownCell {
  readonly faculty: string;
  readonly discipline: string;
  readonly outcome: Outcome;
  readonly count: number;
}

/** The progress of the count in one partition of the log. */
export interface Position {
  readonly topic: string;
  readonly partition: number;
  /** Offset of the first record that is not counted yet. */
  readonly nextOffset: number;
  /** Offset of the next record that the log will take. */
  readonly endOffset: number;
}

export interface Score {
  readonly total: number;
  readonly byFaculty: ReadonlyMap<string, number>;
  readonly byDiscipline: ReadonlyMap<string, number>;
  readonly winners: number;
  readonly losers: number;
  readonly breakdown: readonly BreakdownCell[];
  /** Records of the log that were not counted, because their id was counted before. */
  readonly repeated: number;
  readonly positions: readonly Position[];
}

/** The server's work in one second. */
export interface StatsPoint {
  readonly atMs: number;
  /** Entries accepted durably in that second. */
  readonly rate: number;
  /**
   * 99th percentile of the time from request to durable answer, in milliseconds. Null in a second
   * without answers, and where another server takes the entries.
   */
  readonly p99Ms: number | null;
  readonly accepted: number;
  /** Null where another server takes the entries. */
  readonly rejected: number | null;
  /** Results in the log that the score does not hold yet. */
  readonly lag: number;
}

export function parseContest(value: unknown): Contest {
  const contest = asObject(value, 'contest');
  const commitment = asText(contest['seed_commitment'], 'contest.seed_commitment');
  if (!/^[0-9a-f]{64}$/i.test(commitment)) {
    throw new ShapeError('contest.seed_commitment', '64 hexadecimal digits');
  }
  return {
    name: asText(contest['name'], 'contest.name'),
    faculties: asArray(contest['faculties'], 'contest.faculties', asText),
    disciplines: asArray(contest['disciplines'], 'contest.disciplines', parseDiscipline),
    seedCommitment: commitment,
    startedAtMs: asNumber(contest['started_at_ms'], 'contest.started_at_ms'),
  };
}

export function parseScore(value: unknown): Score {
  const score = asObject(value, 'score');
  const outcomes = asObject(score['by_outcome'], 'score.by_outcome');
  return {
    total: asCount(score['total'], 'score.total'),
    byFaculty: asCounts(score['by_faculty'], 'score.by_faculty'),
    byDiscipline: asCounts(score['by_discipline'], 'score.by_discipline'),
    winners: asCount(outcomes['winner'], 'score.by_outcome.winner'),
    losers: asCount(outcomes['loser'], 'score.by_outcome.loser'),
    breakdown: asArray(score['breakdown'], 'score.breakdown', parseBreakdownCell),
    repeated: asCount(score['repeated'], 'score.repeated'),
    positions: asArray(score['positions'], 'score.positions', parsePosition),
  };
}

export function parseStatsPoint(value: unknown, path = 'stats'): StatsPoint {
  const point = asObject(value, path);
  return {
    atMs: asNumber(point['at_ms'], `${path}.at_ms`),
    rate: asNumber(point['rate'], `${path}.rate`),
    p99Ms: orNull(point['p99_ms'], `${path}.p99_ms`, asNumber),
    accepted: asCount(point['accepted'], `${path}.accepted`),
    rejected: orNull(point['rejected'], `${path}.rejected`, asCount),
    lag: asCount(point['lag'], `${path}.lag`),
  };
}

export function parseHistory(value: unknown): readonly StatsPoint[] {
  return asArray(value, 'history', parseStatsPoint);
}

function parseDiscipline(value: unknown, path: string): Discipline {
  const discipline = asObject(value, path);
  return {
    id: asNumber(discipline['id'], `${path}.id`),
    name: asText(discipline['name'], `${path}.name`),
  };
}

function parseBreakdownCell(value: unknown, path: string): BreakdownCell {
  const cell = asObject(value, path);
  const outcome = cell['outcome'];
  if (outcome !== 'winner' && outcome !== 'loser') {
    throw new ShapeError(`${path}.outcome`, '"winner" or "loser"');
  }
  return {
    faculty: asText(cell['faculty'], `${path}.faculty`),
    discipline: asText(cell['discipline'], `${path}.discipline`),
    outcome,
    count: asCount(cell['count'], `${path}.count`),
  };
}

function parsePosition(value: unknown, path: string): Position {
  const position = asObject(value, path);
  return {
    topic: asText(position['topic'], `${path}.topic`),
    partition: asCount(position['partition'], `${path}.partition`),
    nextOffset: asCount(position['next_offset'], `${path}.next_offset`),
    endOffset: asCount(position['end_offset'], `${path}.end_offset`),
  };
}
