/**
 * The theme: the visitor's choice, else what the system prefers, also when that changes.
 *
 * The styles read it from `data-theme` on the root element. The button `#theme` switches it and is
 * pressed in the dark theme.
 */
import { byId } from './dom';
import type { Remembered } from './remembered';

type Theme = 'light' | 'dark';

export interface ThemeOptions {
  readonly remembered: Remembered;
  /** Called after the root element shows another theme, not for the first one. */
  readonly onChange: () => void;
}

export function startTheme({ remembered, onChange }: ThemeOptions): void {
  const button = byId('theme');
  const systemDark = matchMedia('(prefers-color-scheme: dark)');
  let chosen = asTheme(remembered.recall('theme'));

  const current = (): Theme => chosen ?? (systemDark.matches ? 'dark' : 'light');
  const show = (): void => {
    document.documentElement.dataset['theme'] = current();
    button.ariaPressed = String(current() === 'dark');
  };

  show();
  systemDark.addEventListener('change', () => {
    show();
    onChange();
  });
  button.addEventListener('click', () => {
    chosen = current() === 'dark' ? 'light' : 'dark';
    remembered.remember('theme', chosen);
    show();
    onChange();
  });
}

function asTheme(value: string | null): Theme | null {
  return value === 'light' || value === 'dark' ? value : null;
}
