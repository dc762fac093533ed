// Rows as JSON, as pgscore.score takes them.
import { PgscoreError } from "./errors.js";
import { NO_TEXT, decimalText, has, isMissing, isObject } from "./texts.js";
import { INFINITE } from "./exact.js";

/** A JSON value as PostgreSQL's jsonb writes it. */
export function jsonText(value) {
  if (Array.isArray(value)) return `[${value.map(jsonText).join(", ")}]`;
  if (isObject(value)) {
    return `{${Object.keys(value).map((name) => `${JSON.stringify(name)}: ${jsonText(value[name])}`).join(", ")}}`;
  }
  if (typeof value === "bigint") return String(value);
  return typeof value === "number" ? decimalText(value) : JSON.stringify(value);
}

/** What a row as JSON has under a name: never undefined. */
function payloadValue(row, name) {
  const value = isObject(row) && has(row, name) ? row[name] : undefined;
  if (value === undefined) {
    throw new PgscoreError(`the row has no input "${name}"`, "Give it as null where it is not known.", "42703");
  }
  return value;
}

/** An input as a register has it: a number, NaN where it is missing; of a text the text, or null. */
export function payloadInput(row, { name, type }) {
  const value = payloadValue(row, name);
  const kind = Array.isArray(value) ? "array" : typeof value === "bigint" ? "number" : typeof value;
  const isDouble = type === "double precision";
  if (value === null) return type === "text" ? null : NaN;
  if (Number.isNaN(value) && type !== "text") return NaN;
  // JSON has no -0.
  if (isDouble && (kind === "number" || INFINITE.includes(value))) return Number(value) + 0;
  if (type === "boolean" && kind === "boolean") return value ? 1 : 0;
  if (type === "text" && kind === "string") {
    if (!NO_TEXT.test(value)) return value;
    throw new PgscoreError(`input "${name}" holds U+0000, which no text of a database holds`, "", "22P05");
  }
  throw new PgscoreError(`input "${name}" is the ${kind} ${jsonText(value)}, and the model wants ${type}`, "", "42804");
}

/** What an explanation says of an input's value. */
export function plainText(value) {
  if (isMissing(value)) return null;
  return typeof value === "string" ? value : jsonText(value);
}
