// What is refused.
/** What is refused: one sentence, and what to do about it. */
export class PgscoreError extends Error {
  /**
   * @param {string} message one sentence: what is wrong and where.
   * @param {string} hint what to do, or "".
   * @param {string} code the five characters that PostgreSQL has for such an error.
   */
  constructor(message, hint = "", code = "22023") {
    super(message);
    this.name = "PgscoreError";
    this.hint = hint;
    this.code = code;
  }
}
