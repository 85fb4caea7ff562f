/** The line that sends a first entry, ready to paste into a POSIX shell. */
import type { Contest } from './api';

/** Null when the contest has no faculty or no discipline, so that no entry can be sent. */
export function curlLine(contest: Contest, origin: string): string | null {
  const faculty = contest.faculties[0];
  const discipline = contest.disciplines[0];
  if (faculty === undefined || discipline === undefined) return null;
  const body = JSON.stringify({ faculty, discipline: discipline.id });
  return `curl ${quote(`${origin}/v1/entries`)} -H 'content-type: application/json' -d ${quote(body)}`;
}

/** Between single quotes a shell interprets only the closing quote. */
function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
