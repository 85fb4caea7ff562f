/**
 * How long to wait before the next attempt to reach the server.
 *
 * The wait doubles from half a second to eight. Half of each wait is random, so that a full stadium
 * does not come back in one instant.
 */
const firstMs = 500;
const longestMs = 8_000;

/** `failures`: attempts that failed in a row, one or more. `random`: from 0 up to 1. */
export function retryDelayMs(failures: number, random: number): number {
  const fullMs = Math.min(longestMs, firstMs * 2 ** (failures - 1));
  return fullMs * (0.5 + random / 2);
}
