// JSON documents as RFC 8785 writes them.
import { isObject } from "./texts.js";

/** The canonical text of a JSON document, as RFC 8785 has it. */
export function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical)}]`;
  if (!isObject(value)) return JSON.stringify(value);
  return `{${Object.keys(value).sort().map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`)}}`;
}
