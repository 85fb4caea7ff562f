/**
 * What the server sends, checked on arrival.
 *
 * Every value from the network enters through a `parse…` function, so the rest of the page works
 * on types that hold. A value of another shape throws a `ShapeError` that names the place in it.
 * Fields that are not known here are ignored: an older page keeps working with a newer server.
 */

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

export interface CrossedCount {
  readonly faculty: string;
  readonly discipline: string;
  readonly outcome: Outcome;
  readonly count: number;
}

/** How far the count has read one partition of the log. */
export interface Position {
  readonly topic: string;
  readonly partition: number;
  /** Offset of the first record not yet counted. */
  readonly nextOffset: number;
  /** Offset that the next record to be written will have. */
  readonly endOffset: number;
}

export interface Score {
  readonly total: number;
  readonly byFaculty: ReadonlyMap<string, number>;
  readonly byDiscipline: ReadonlyMap<string, number>;
  readonly winners: number;
  readonly losers: number;
  readonly crossed: readonly CrossedCount[];
  /** Results found in the log a second time, and so not counted again. */
  readonly repeated: number;
  readonly positions: readonly Position[];
}

/** One second of the server's work. */
export interface Pulse {
  readonly atMs: number;
  /** Entries accepted durably in that second. */
  readonly rate: number;
  /**
   * 99th percentile of request to durable answer, in milliseconds; null in a second without answers,
   * and where another server gives them.
   */
  readonly p99Ms: number | null;
  readonly accepted: number;
  /** Null where another server takes the entries. */
  readonly rejected: number | null;
  /** Results in the log that the score does not hold yet. */
  readonly uncounted: number;
}

/** The body of an `application/problem+json` answer, as far as the page shows it. */
export interface Problem {
  readonly title: string | null;
  readonly detail: string | null;
}

/** A value from the server was not of the agreed shape. */
export class ShapeError extends Error {
  override readonly name = 'ShapeError';

  constructor(path: string, wanted: string) {
    super(`${path}: expected ${wanted}`);
  }
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
    crossed: asArray(score['crossed'], 'score.crossed', parseCrossed),
    repeated: asCount(score['repeated'], 'score.repeated'),
    positions: asArray(score['positions'], 'score.positions', parsePosition),
  };
}

export function parsePulse(value: unknown, path = 'pulse'): Pulse {
  const pulse = asObject(value, path);
  const p99Ms = pulse['p99_ms'];
  const rejected = pulse['rejected'];
  return {
    atMs: asNumber(pulse['at_ms'], `${path}.at_ms`),
    rate: asNumber(pulse['rate'], `${path}.rate`),
    p99Ms: p99Ms === null ? null : asNumber(p99Ms, `${path}.p99_ms`),
    accepted: asCount(pulse['accepted'], `${path}.accepted`),
    rejected: rejected === null ? null : asCount(rejected, `${path}.rejected`),
    uncounted: asCount(pulse['lag'], `${path}.lag`),
  };
}

export function parseHistory(value: unknown): readonly Pulse[] {
  return asArray(value, 'history', parsePulse);
}

/** Never throws: an error's explanation that cannot be read is an error without explanation. */
export function parseProblem(value: unknown): Problem {
  const body = typeof value === 'object' && value !== null ? value : {};
  const textOrNull = (field: unknown): string | null => (typeof field === 'string' ? field : null);
  return {
    title: textOrNull('title' in body ? body.title : null),
    detail: textOrNull('detail' in body ? body.detail : null),
  };
}

function parseDiscipline(value: unknown, path: string): Discipline {
  const discipline = asObject(value, path);
  return {
    id: asNumber(discipline['id'], `${path}.id`),
    name: asText(discipline['name'], `${path}.name`),
  };
}

function parseCrossed(value: unknown, path: string): CrossedCount {
  const crossed = asObject(value, path);
  const outcome = crossed['outcome'];
  if (outcome !== 'winner' && outcome !== 'loser') {
    throw new ShapeError(`${path}.outcome`, '"winner" or "loser"');
  }
  return {
    faculty: asText(crossed['faculty'], `${path}.faculty`),
    discipline: asText(crossed['discipline'], `${path}.discipline`),
    outcome,
    count: asCount(crossed['count'], `${path}.count`),
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

function asObject(value: unknown, path: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ShapeError(path, 'an object');
  }
  return value as Readonly<Record<string, unknown>>;
}

function asArray<T>(
  value: unknown,
  path: string,
  parse: (item: unknown, path: string) => T,
): readonly T[] {
  if (!Array.isArray(value)) throw new ShapeError(path, 'an array');
  return value.map((item, index) => parse(item, `${path}[${index}]`));
}

/** A map, not an object: a faculty may be called "constructor". */
function asCounts(value: unknown, path: string): ReadonlyMap<string, number> {
  return new Map(
    Object.entries(asObject(value, path)).map(([name, count]) => [
      name,
      asCount(count, `${path}[${JSON.stringify(name)}]`),
    ]),
  );
}

function asText(value: unknown, path: string): string {
  if (typeof value !== 'string') throw new ShapeError(path, 'a text');
  return value;
}

function asNumber(value: unknown, path: string): number {
  if (typeof value !== 'number' || !Number.isFinite(value)) throw new ShapeError(path, 'a number');
  return value;
}

function asCount(value: unknown, path: string): number {
  const count = asNumber(value, path);
  if (!Number.isSafeInteger(count) || count < 0) throw new ShapeError(path, 'a count');
  return count;
}
