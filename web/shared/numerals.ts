/**
 * Block numerals, as on a jersey: figures with cut corners, drawn as lines.
 *
 * They look the same on every machine; a system font would not. All digits have the same width.
 * A figure is laid out as glyphs on a line. The units are those of the drawing: a digit is 60 wide
 * and 100 high, and lines are 15 thick.
 *
 *      8  20    40  52
 *   8      +----+
 *  20   +          +      corners are cut at 12;
 *       |          |      the waist is at 48
 *  80   +          +
 *  92      +----+
 */

const digitPaths: Readonly<Record<string, string>> = {
  '0': 'M20 8H40L52 20V80L40 92H20L8 80V20Z',
  '1': 'M16 25L33 8V92M15 92H51',
  '2': 'M8 28V20L20 8H40L52 20V38L8 80V92H53',
  '3': 'M8 26V20L20 8H40L52 20V37L41 48H24M41 48L52 59V80L40 92H20L8 80V74',
  '4': 'M41 100V8L8 60V71H59',
  '5': 'M52 8H9V43H40L52 55V80L40 92H20L8 80V74',
  '6': 'M52 26V20L40 8H20L8 20V80L20 92H40L52 80V58L40 46H8',
  '7': 'M7 8H52V20L24 78V100',
  '8': 'M20 8H40L51 19V37L40 48H20L9 37V19ZM20 48H40L52 60V80L40 92H20L8 80V60Z',
  '9': 'M8 74V80L20 92H40L52 80V20L40 8H20L8 20V42L20 54H52',
};

/** The marks between digits. Any other character of a written number is a space. */
const markPaths: Readonly<Record<string, string>> = {
  '.': 'M4 92H19',
  ',': 'M4 92H19M11.5 90V98L5 108',
  '—': 'M6 50H54',
};

export const digitWidth = 60;
export const digitHeight = 100;
const digitAdvance = 78;
const markAdvance = 29;

export interface Glyph {
  /** A digit and a blank, which is a place without a digit yet, may have a plate behind them. */
  readonly kind: 'digit' | 'blank' | 'mark';
  /** Left edge of the glyph. */
  readonly x: number;
  /** SVG path data of the line to draw; empty for a blank or a space. */
  readonly path: string;
}

export interface Line {
  readonly glyphs: readonly Glyph[];
  readonly width: number;
}

/**
 * Lays out a written number.
 *
 * Blanks go before a number of fewer digits than `places`, in groups of three. So the figure keeps
 * its width while the count grows.
 */
export function layOut(text: string, places = 0): Line {
  const characters = Array.from(text);
  const digits = characters.filter((character) => character in digitPaths).length;
  const glyphs: Glyph[] = [];
  let x = 0;
  const put = (kind: Glyph['kind'], path: string, advance: number): void => {
    glyphs.push({ kind, x, path });
    x += advance;
  };

  for (let place = places; place > digits; place--) {
    put('blank', '', digitAdvance);
    if ((place - 1) % 3 === 0 && place > 1) put('mark', '', markAdvance);
  }
  for (const character of characters) {
    const digit = digitPaths[character];
    if (digit !== undefined) put('digit', digit, digitAdvance);
    else if (character === '—') put('mark', markPaths[character] ?? '', digitAdvance);
    else put('mark', markPaths[character] ?? '', markAdvance);
  }
  // The space after the last glyph is not part of the line.
  return { glyphs, width: Math.max(0, x - (digitAdvance - digitWidth)) };
}
