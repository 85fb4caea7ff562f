/**
 * The two choices a visitor makes, remembered on their machine. A browser that keeps nothing
 * (private windows, blocked storage) only forgets: nothing here throws.
 */

export type Choice = 'language' | 'theme';

export function recall(choice: Choice): string | null {
  try {
    return localStorage.getItem(`estadio.${choice}`);
  } catch {
    return null;
  }
}

export function remember(choice: Choice, value: string): void {
  try {
    localStorage.setItem(`estadio.${choice}`, value);
  } catch {
    // The choice still holds until the page is closed.
  }
}
