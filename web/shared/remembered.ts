/**
 * The choices of a visitor, remembered on their machine.
 *
 * A browser may keep nothing, in private windows for example. Then a choice is forgotten when the
 * page is closed. Nothing here throws.
 */

export type Choice = 'language' | 'theme';

export interface Remembered {
  /** Null when nothing was chosen, or nothing was kept. */
  readonly recall: (choice: Choice) => string | null;
  readonly remember: (choice: Choice, value: string) => void;
}

/** `prefix` goes before the names of the choices, so that each program has its own. */
export function rememberedUnder(prefix: string): Remembered {
  return {
    recall(choice) {
      try {
        return localStorage.getItem(`${prefix}.${choice}`);
      } catch {
        return null;
      }
    },
    remember(choice, value) {
      try {
        localStorage.setItem(`${prefix}.${choice}`, value);
      } catch {
        // The choice holds until the page is closed.
      }
    },
  };
}
