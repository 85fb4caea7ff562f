/** The commitment to the coin's seed: short to read, whole to copy. */
import { byId, setText } from '#shared/dom';
import type { Contest } from '../api';

export interface CoinView {
  readonly show: (contest: Contest) => void;
}

export function createCoin(): CoinView {
  const short = byId('commitment');
  const full = byId('commitment-full');
  return {
    show({ seedCommitment }) {
      setText(short, `${seedCommitment.slice(0, 8)}…${seedCommitment.slice(-8)}`);
      setText(full, seedCommitment);
    },
  };
}
