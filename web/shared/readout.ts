/**
 * A figure in block numerals.
 *
 * The text is there once, for screen readers, copying and tests. The drawing beside it is only for
 * the eyes. Another digit changes the lines of its glyph; it moves and builds no element.
 */
import { digitHeight, digitWidth, layOut, type Line } from './numerals';
import { make, setText } from './dom';

const svgNamespace = 'http://www.w3.org/2000/svg';

/** Room for a plate around its digit, and for a comma's tail below the line. */
const margin = { side: 7, top: 12, bottom: 12 };

export interface Readout {
  readonly show: (text: string) => void;
}

export interface ReadoutOptions {
  /** Places that are there even when the figure is shorter. The default is none. */
  readonly places?: number;
  /** Draws a plate behind each place. */
  readonly plates?: boolean;
}

export function createReadout(host: HTMLElement, options: ReadoutOptions = {}): Readout {
  const { places = 0, plates = false } = options;
  const text = make('span', { class: 'visually-hidden' });
  const drawing = document.createElementNS(svgNamespace, 'svg');
  drawing.setAttribute('aria-hidden', 'true');
  drawing.setAttribute('class', 'numerals');
  host.append(text, drawing);

  let shape = '';
  let strokes: SVGPathElement[] = [];

  function build(line: Line): void {
    const width = line.width + 2 * margin.side;
    const height = digitHeight + margin.top + margin.bottom;
    drawing.setAttribute('viewBox', `${-margin.side} ${-margin.top} ${width} ${height}`);
    drawing.style.setProperty('--aspect', String(width / height));
    strokes = line.glyphs.map(({ x }) => {
      const stroke = document.createElementNS(svgNamespace, 'path');
      stroke.setAttribute('transform', `translate(${x} 0)`);
      return stroke;
    });
    drawing.replaceChildren(...(plates ? platesOf(line) : []), ...strokes);
  }

  return {
    show(written) {
      if (text.textContent === written && shape !== '') return;
      setText(text, written);
      const line = layOut(written, places);
      const newShape = line.glyphs.map((glyph) => `${glyph.kind}@${glyph.x}`).join();
      if (newShape !== shape) build(line);
      shape = newShape;
      line.glyphs.forEach(({ path }, index) => {
        const stroke = strokes[index];
        if (stroke && stroke.getAttribute('d') !== path) stroke.setAttribute('d', path);
      });
    },
  };
}

function platesOf(line: Line): SVGRectElement[] {
  return line.glyphs
    .filter(({ kind }) => kind !== 'mark')
    .map(({ kind, x }) => {
      const plate = document.createElementNS(svgNamespace, 'rect');
      plate.setAttribute('class', kind === 'blank' ? 'plate plate-blank' : 'plate');
      plate.setAttribute('x', String(x - margin.side));
      plate.setAttribute('y', String(-margin.top));
      plate.setAttribute('width', String(digitWidth + 2 * margin.side));
      plate.setAttribute('height', String(digitHeight + margin.top + margin.bottom));
      plate.setAttribute('rx', '5');
      return plate;
    });
}
