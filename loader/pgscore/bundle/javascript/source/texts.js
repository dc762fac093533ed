// Numbers and texts as others write them, and the order of both.

// U+0000, and half of a surrogate pair: with this flag whole ones are one character.
export const NO_TEXT = /[\0\p{Surrogate}]/u;
export const isObject = (found) => typeof found === "object" && found !== null && !Array.isArray(found);
export const has = (found, name) => Object.hasOwn(found, name);
export const isMissing = (value) => value === null || Number.isNaN(value);

/** A number without an exponent, as PostgreSQL's jsonb writes it. */
export function decimalText(x) {
  const found = /^(-?)(\d+)(?:\.(\d+))?e([-+]\d+)$/.exec(String(x));
  if (!found) return String(x);
  const [, sign, whole, part = "", power] = found;
  if (power < 0) return `${sign}0.${"0".repeat(-power - 1)}${whole}${part}`;
  return sign + whole + part + "0".repeat(power - part.length);
}

/** A number as Python writes it. */
export function floatText(x) {
  if (!Number.isFinite(x)) return x > 0 ? "inf" : x < 0 ? "-inf" : "nan";
  const [, digits, sign, power] = /^(.+)e([-+])(\d+)$/.exec(x.toExponential());
  if (x !== 0 && power > (sign === "-" ? 4 : 15)) return `${digits}e${sign}${power.padStart(2, "0")}`;
  return decimalText(x) + (Number.isInteger(x) ? ".0" : "");
}

/** A value as a message shows it: short. */
export function shown(value) {
  const text = typeof value === "string" ? JSON.stringify(value) : floatText(value);
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}

/** As PostgreSQL orders numbers: NaN is the largest, and equal to itself. */
export const order = (a, b) => (a < b ? -1 : a > b ? 1 : Number.isNaN(a) - Number.isNaN(b));

/** Whether a text comes before another by code points; JavaScript compares halves of surrogate pairs, which lie below. */
export function isBefore(one, other) {
  let n = 0;
  while (n < one.length && one[n] === other[n]) n += 1;
  const [a, b] = [one, other].map((text) => {
    const unit = text.charCodeAt(n);
    return unit >= 0xd800 && unit < 0xe000 ? unit + 0x10000 : unit;
  });
  return a < b || (Number.isNaN(a) && n < other.length);
}
