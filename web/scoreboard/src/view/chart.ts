/**
 * The chart of the last five minutes: the rate on the left axis, a known p99 on the right one.
 *
 * Only this module knows ECharts. It loads after the score is on screen. Colours and font are those
 * of the host element, so the next `show` follows the theme.
 */
import { LineChart, type LineSeriesOption } from 'echarts/charts';
import {
  GridComponent,
  TooltipComponent,
  type GridComponentOption,
  type TooltipComponentOption,
} from 'echarts/components';
import { init, use, type ComposeOption } from 'echarts/core';
import { CanvasRenderer } from 'echarts/renderers';
import { make } from '#shared/dom';
import { noFigure } from '#shared/format';
import type { StatsPoint } from '../api';
import { historyMs, pointsOf } from '../history';
import type { PageWording } from '../messages';
import { takesEntries } from '../model';

use([LineChart, GridComponent, TooltipComponent, CanvasRenderer]);

type Option = ComposeOption<LineSeriesOption | GridComponentOption | TooltipComponentOption>;

export interface Chart {
  readonly show: (stats: readonly StatsPoint[], wording: PageWording) => void;
}

interface Palette {
  readonly rate: string;
  readonly rateArea: string;
  readonly p99: string;
  readonly ink: string;
  readonly quiet: string;
  readonly rule: string;
  readonly ground: string;
  readonly font: string;
}

const windowSeconds = historyMs / 1000;

export function createChart(host: HTMLElement): Chart {
  const chart = init(host, null, { renderer: 'canvas' });
  new ResizeObserver(() => {
    chart.resize();
  }).observe(host);

  return {
    show(stats, wording) {
      chart.setOption(optionFor(stats, wording, paletteOf(host)), { lazyUpdate: true });
    },
  };
}

function optionFor(stats: readonly StatsPoint[], wording: PageWording, palette: Palette): Option {
  return {
    animation: false,
    grid: {
      left: 0,
      right: 0,
      top: 10,
      bottom: 0,
      outerBoundsMode: 'same',
      outerBoundsContain: 'axisLabel',
    },
    xAxis: timeAxis(wording, palette),
    yAxis: figureAxes(takesEntries(stats), wording, palette),
    tooltip: tooltipFor(stats, wording, palette),
    series: seriesOf(stats, palette),
  };
}

function timeAxis({ messages }: PageWording, palette: Palette): NonNullable<Option['xAxis']> {
  return {
    type: 'value',
    min: -windowSeconds,
    max: 0,
    interval: 60,
    axisLine: { lineStyle: { color: palette.quiet } },
    axisTick: { show: true, lineStyle: { color: palette.quiet } },
    splitLine: { show: false },
    axisLabel: {
      ...labelIn(palette),
      // −5, −4, … now. The chart's title has the unit, and a short label fits on a telephone.
      formatter: (seconds: number) =>
        seconds === 0 ? messages['timeline.now'] : `−${-seconds / 60}`,
      alignMinLabel: 'left',
      alignMaxLabel: 'right',
    },
  };
}

/** The axis of the rate, and that of the p99, which is hidden where the p99 is not known. */
function figureAxes(
  hasP99: boolean,
  { formats }: PageWording,
  palette: Palette,
): NonNullable<Option['yAxis']> {
  const axisLabel = { ...labelIn(palette), formatter: formats.tick };
  return [
    {
      type: 'value',
      min: 0,
      splitNumber: 4,
      // The line of this axis is at the right, where time is 0. It serves the axis of the p99.
      axisLine: { show: hasP99 ? 'auto' : false },
      axisTick: { show: hasP99 ? 'auto' : false },
      axisLabel,
      splitLine: { lineStyle: { color: palette.rule } },
    },
    {
      type: 'value',
      show: hasP99,
      min: 0,
      splitNumber: 4,
      alignTicks: true,
      axisLabel,
      splitLine: { show: false },
    },
  ];
}

function tooltipFor(
  stats: readonly StatsPoint[],
  wording: PageWording,
  palette: Palette,
): TooltipComponentOption {
  const newestMs = stats.at(-1)?.atMs ?? 0;
  return {
    trigger: 'axis',
    confine: true,
    backgroundColor: palette.ground,
    borderColor: palette.quiet,
    borderRadius: 2,
    textStyle: { color: palette.ink, fontFamily: palette.font, fontSize: 13 },
    axisPointer: { lineStyle: { color: palette.quiet, type: 'solid' } },
    formatter: (hovered) => {
      const first = Array.isArray(hovered) ? hovered[0] : hovered;
      const seconds = Array.isArray(first?.value) ? Number(first.value[0]) : 0;
      const atMs = Math.round(newestMs + seconds * 1000);
      const point = stats.find((candidate) => candidate.atMs === atMs);
      return point ? tipOf(point, wording) : '';
    },
  };
}

function tipOf(point: StatsPoint, { messages, formats }: PageWording): HTMLElement {
  const figure = (name: string, kind: string, value: string): HTMLElement =>
    make(
      'div',
      { class: `chart-tip-row ${kind}` },
      make('span', {}, name),
      make('strong', {}, value),
    );
  return make(
    'div',
    { class: 'chart-tip' },
    make('div', { class: 'chart-tip-time' }, formats.clock(point.atMs)),
    figure(messages['timeline.rate'], 'key-rate', formats.rate(point.rate)),
    takesEntries([point])
      ? figure(
          messages['timeline.p99'],
          'key-p99',
          point.p99Ms === null ? noFigure : formats.latency(point.p99Ms),
        )
      : '',
  );
}

function seriesOf(stats: readonly StatsPoint[], palette: Palette): LineSeriesOption[] {
  const line = { type: 'line', showSymbol: false, connectNulls: false, animation: false } as const;
  return [
    {
      ...line,
      yAxisIndex: 0,
      data: pointsOf(stats, (point) => point.rate).map((point) => [...point]),
      color: palette.rate,
      lineStyle: { width: 2 },
      areaStyle: { color: palette.rateArea },
    },
    {
      ...line,
      yAxisIndex: 1,
      data: pointsOf(stats, (point) => point.p99Ms).map((point) => [...point]),
      color: palette.p99,
      lineStyle: { width: 1.5 },
    },
  ];
}

function labelIn({ quiet, font }: Palette): { color: string; fontFamily: string; fontSize: number } {
  return { color: quiet, fontFamily: font, fontSize: 12 };
}

function paletteOf(host: HTMLElement): Palette {
  const style = getComputedStyle(host);
  const colour = (name: string): string => style.getPropertyValue(name).trim();
  return {
    rate: colour('--rate'),
    rateArea: colour('--rate-area'),
    p99: colour('--p99'),
    ink: colour('--ink'),
    quiet: colour('--quiet'),
    rule: colour('--rule'),
    ground: colour('--raised'),
    font: style.fontFamily,
  };
}
