// Checks: each returns what it was given, or refuses it and names its place.
import { PgscoreError } from "./errors.js";
import { NO_TEXT, has, isBefore, isObject } from "./texts.js";

export function want(holds, place, what = "is not as docs/program.md says") {
  if (!holds) throw new PgscoreError(`the bundle is refused: ${place} ${what}`, "`pgscore bundle` writes it again.");
}

export function fields(found, place, required, optional = []) {
  want(isObject(found), place);
  for (const name of required) want(has(found, name), place, `has no ${name}`);
  for (const name of Object.keys(found)) {
    const isKnown = required.includes(name) || optional.includes(name);
    want(isKnown, place, `has a field ${name}, which means nothing to this pgscore.js`);
  }
}

export function items(found, place, least = 0, most = Infinity) {
  want(Array.isArray(found) && found.length >= least && found.length <= most, place);
  return found;
}

// Of long lists the place is written only where it is needed.
const within = (place, n) => (n === undefined ? place : `${place}[${n}]`);

export function number(found, place, n) {
  if (!Number.isFinite(found)) want(false, within(place, n));
  return found;
}

export function numbers(found, place, least, most) {
  return Float64Array.from(items(found, place, least, most), (each, n) => number(each, place, n));
}

export const numberOrNaN = (found, place, n) => (found === null ? NaN : number(found, place, n));

export function integer(found, place, least, most, n) {
  if (!(Number.isInteger(found) && found >= least && found <= most)) want(false, within(place, n));
  return found;
}

export function integers(found, place, count, least, most) {
  return Int32Array.from(items(found, place, count, count), (each, n) => integer(each, place, least, most, n));
}

export function text(found, place) {
  want(typeof found === "string" && !NO_TEXT.test(found), place);
  return found;
}

export function choice(found, place, choices) {
  want(choices.includes(found), place, `is none of ${choices.join(", ")}`);
  return found;
}

export function flag(found, place) {
  want(typeof found === "boolean", place);
  return found;
}

/** A sorted list of texts, or of numbers, without repetitions. */
export function members(found, place, areTexts) {
  const values = areTexts ? items(found, place).map((each) => text(each, place)) : numbers(found, place);
  values.forEach((each, n) => {
    const isNext = n === 0 || (areTexts ? isBefore(values[n - 1], each) : values[n - 1] < each);
    if (!isNext) want(false, within(place, n));
  });
  return values;
}

export function bounds(found, place) {
  const minimum = has(found, "minimum") ? number(found.minimum, `${place}.minimum`) : -Infinity;
  const maximum = has(found, "maximum") ? number(found.maximum, `${place}.maximum`) : Infinity;
  want(minimum <= maximum, `${place}.minimum`);
  return { minimum, maximum };
}

/** What steps may refer to: for each register before them whether it holds a text. */
export class Scope {
  texts = [];

  /** A register that is defined, and holds a number, a text, or either (null). */
  register(found, place, areTexts = false) {
    integer(found, place, 0, this.texts.length - 1);
    want(areTexts === null || this.texts[found] === areTexts, place);
    return found;
  }

  registers(found, place, least = 0, most = Infinity, areTexts = false) {
    return items(found, place, least, most).map((each, n) => this.register(each, `${place}[${n}]`, areTexts));
  }
}

/** Lists of as many numbers. */
export function rows(found, place, width) {
  return items(found, place, 1).map((each, n) => numbers(each, `${place}[${n}]`, width, width));
}
