import { describe, expect, it } from 'vitest';
import { digitWidth, layOut } from './numerals';

const kindsOf = (text: string, places?: number): string =>
  layOut(text, places)
    .glyphs.map(({ kind }) => ({ digit: 'd', blank: '_', mark: ',' })[kind])
    .join('');

describe('layOut', () => {
  it('draws each digit differently', () => {
    const paths = layOut('0123456789').glyphs.map((glyph) => glyph.path);
    expect(new Set(paths).size).toBe(10);
    expect(paths).not.toContain('');
  });

  it('gives every digit the same width', () => {
    expect(layOut('111').width).toBe(layOut('888').width);
    expect(layOut('7').width).toBe(digitWidth);
  });

  it('keeps places free before a short number, in groups of three', () => {
    expect(kindsOf('0', 8)).toBe('__,___,__d');
    expect(kindsOf('1,234', 8)).toBe('__,__d,ddd');
    expect(kindsOf('123,456', 8)).toBe('__,ddd,ddd');
  });

  it('does not move while the number grows within its places', () => {
    const widths = ['0', '12', '1.234', '123.456', '12.345.678'].map((text) => layOut(text, 8).width);
    expect(new Set(widths).size).toBe(1);
  });

  it('grows beyond its places', () => {
    expect(kindsOf('123,456,789', 8)).toBe('ddd,ddd,ddd');
  });

  it('draws both decimal marks, and a space for any other', () => {
    const marks = ['0.5', '0,5', '0 5'].map((text) => layOut(text).glyphs[1]?.path ?? '?');
    expect(new Set(marks).size).toBe(3);
    expect(marks[2]).toBe('');
  });

  it('draws the dash of a figure that is not known', () => {
    expect(layOut('—').glyphs[0]?.path).not.toBe('');
  });
});
