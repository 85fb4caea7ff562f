/**
 * Day or night: what was chosen, else what the system prefers, followed while nothing was chosen.
 * The styles read it from `data-theme` on the root element.
 */
import { recall, remember } from './remembered';

export type Theme = 'light' | 'dark';

export interface ThemeSwitch {
  readonly current: Theme;
  readonly toggle: () => void;
}

/** `onChange` is called after the root element shows the new theme, not for the first one. */
export function startTheme(root: HTMLElement, onChange: () => void): ThemeSwitch {
  const systemDark = matchMedia('(prefers-color-scheme: dark)');
  let chosen = asTheme(recall('theme'));
  const current = (): Theme => chosen ?? (systemDark.matches ? 'dark' : 'light');
  const show = (): void => {
    root.dataset['theme'] = current();
  };

  show();
  systemDark.addEventListener('change', () => {
    show();
    onChange();
  });
  return {
    get current() {
      return current();
    },
    toggle() {
      chosen = current() === 'dark' ? 'light' : 'dark';
      remember('theme', chosen);
      show();
      onChange();
    },
  };
}

function asTheme(value: string | null): Theme | null {
  return value === 'light' || value === 'dark' ? value : null;
}
