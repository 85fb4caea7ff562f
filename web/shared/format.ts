/**
 * How a locale writes figures.
 *
 * Digits are always 0 to 9. Thousands are always grouped: Spanish would leave 1234 bare, which
 * breaks columns of figures.
 */

export interface Formats {
  /** A whole number: 1,234. */
  readonly count: (value: number) => string;
  /** A rate per second: one decimal below 100, unless the number is whole. */
  readonly rate: (perSecond: number) => string;
  /** Milliseconds, without the unit, to about three significant digits. */
  readonly latency: (ms: number) => string;
  /** A part from 0 to 1, as a percentage with one decimal. */
  readonly share: (part: number) => string;
  /** A number on an axis: as many decimals as its step needs, two at most. */
  readonly tick: (value: number) => string;
  /** A time past, as a phrase: 12 seconds ago. */
  readonly ago: (ms: number) => string;
  /** Time of day to the second. */
  readonly clock: (atMs: number) => string;
  /** Date and time to the minute. */
  readonly moment: (atMs: number) => string;
}

/** Written in the place of a figure that is not known. */
export const noFigure = '—';

export function formatsFor(locale: string): Formats {
  const none = grouped(locale, 0, 0);
  const one = grouped(locale, 1, 1);
  const two = grouped(locale, 2, 2);
  const tick = grouped(locale, 0, 2);
  const percent = new Intl.NumberFormat(locale, {
    style: 'percent',
    numberingSystem: 'latn',
    minimumFractionDigits: 1,
    maximumFractionDigits: 1,
  });
  const relative = new Intl.RelativeTimeFormat(locale, { style: 'short' });
  const clock = new Intl.DateTimeFormat(locale, { timeStyle: 'medium' });
  const moment = new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeStyle: 'short' });

  return {
    count: none,
    rate: (perSecond) =>
      (perSecond >= 100 || Number.isInteger(perSecond) ? none : one)(perSecond),
    latency: (ms) => (ms >= 100 ? none : ms >= 10 ? one : two)(ms),
    share: (part) => percent.format(part),
    tick,
    ago: (ms) => {
      const seconds = Math.floor(ms / 1000);
      if (seconds < 60) return relative.format(-seconds, 'second');
      const minutes = Math.floor(seconds / 60);
      if (minutes < 60) return relative.format(-minutes, 'minute');
      return relative.format(-Math.floor(minutes / 60), 'hour');
    },
    clock: (atMs) => clock.format(atMs),
    moment: (atMs) => moment.format(atMs),
  };
}

/**
 * Writes numbers with thousands grouped, also those of four digits.
 *
 * `useGrouping: 'always'` asks for that. Browsers from before 2023 follow the locale's habit
 * instead, so the separator is put in here.
 */
function grouped(locale: string, digitsMin: number, digitsMax: number): (value: number) => string {
  const format = new Intl.NumberFormat(locale, {
    useGrouping: 'always',
    numberingSystem: 'latn',
    minimumFractionDigits: digitsMin,
    maximumFractionDigits: digitsMax,
  });
  const separator = format.formatToParts(1e6).find((part) => part.type === 'group')?.value ?? '';
  return (value) => {
    const written = format.format(value);
    return /^\d{4}(?!\d)/.test(written) ? `${written.slice(0, 1)}${separator}${written.slice(1)}` : written;
  };
}
