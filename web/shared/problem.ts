/** The body of an `application/problem+json` answer (RFC 9457), as far as a page shows it. */
export interface Problem {
  readonly title: string | null;
  readonly detail: string | null;
}

/** Never throws: a member that is missing or not a text is null. */
export function parseProblem(value: unknown): Problem {
  const body = typeof value === 'object' && value !== null ? value : {};
  const textOrNull = (field: unknown): string | null => (typeof field === 'string' ? field : null);
  return {
    title: textOrNull('title' in body ? body.title : null),
    detail: textOrNull('detail' in body ? body.detail : null),
  };
}
