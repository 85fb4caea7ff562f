/**
 * Checks of the shape of a value from the server.
 *
 * Each function returns the value with its type, or throws a `ShapeError`. `path` names the place
 * of the value, for example `contest.disciplines[1].name`; the error repeats it.
 */

/** A value from the server does not have the agreed shape. */
export class ShapeError extends Error {
  override readonly name = 'ShapeError';

  constructor(path: string, wanted: string) {
    super(`${path}: expected ${wanted}`);
  }
}

export function asObject(value: unknown, path: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ShapeError(path, 'an object');
  }
  return value as Readonly<Record<string, unknown>>;
}

/** `parse` checks each item. */
export function asArray<T>(
  value: unknown,
  path: string,
  parse: (item: unknown, path: string) => T,
): readonly T[] {
  if (!Array.isArray(value)) throw new ShapeError(path, 'an array');
  return value.map((item, index) => parse(item, `${path}[${index}]`));
}

/** `parse` checks a value other than null. A missing value is not null, so it throws. */
export function orNull<T>(
  value: unknown,
  path: string,
  parse: (value: unknown, path: string) => T,
): T | null {
  return value === null ? null : parse(value, path);
}

/** An object of counts. The result is a map because a name may be "constructor". */
export function asCounts(value: unknown, path: string): ReadonlyMap<string, number> {
  return new Map(
    Object.entries(asObject(value, path)).map(([name, count]) => [
      name,
      asCount(count, `${path}[${JSON.stringify(name)}]`),
    ]),
  );
}

export function asText(value: unknown, path: string): string {
  if (typeof value !== 'string') throw new ShapeError(path, 'a text');
  return value;
}

export function asNumber(value: unknown, path: string): number {
  if (typeof value !== 'number' || !Number.isFinite(value)) throw new ShapeError(path, 'a number');
  return value;
}

/** A whole number, not negative, that JavaScript holds exactly. */
export function asCount(value: unknown, path: string): number {
  const count = asNumber(value, path);
  if (!Number.isSafeInteger(count) || count < 0) throw new ShapeError(path, 'a count');
  return count;
}
