import { describe, expect, it } from 'vitest';
import { curlLine } from './command';
import { aContest } from './fixtures';

describe('curlLine', () => {
  it('sends the first faculty to the first discipline', () => {
    expect(curlLine(aContest(), 'http://127.0.0.1:8080')).toBe(
      `curl 'http://127.0.0.1:8080/v1/entries' -H 'content-type: application/json' -d '{"faculty":"Ingeniería","discipline":1}'`,
    );
  });

  it('lets no name out of its quotes', () => {
    const line = curlLine(aContest({ faculties: [`O'Higgins "$(id)"`] }), 'http://h');
    expect(line).toContain(`-d '{"faculty":"O'\\''Higgins \\"$(id)\\"","discipline":1}'`);
  });

  it('has no line for a contest without disciplines', () => {
    expect(curlLine(aContest({ disciplines: [] }), 'http://h')).toBeNull();
  });
});
