// Exact numbers are n / 10^scale; or NaN, Infinity, -Infinity.
import { decimalText, order } from "./texts.js";

export const INFINITE = ["NaN", "Infinity", "-Infinity"];
// How many digits PostgreSQL's numeric has before and behind the point.
export const MOST_WHOLE = 131_072;
const MOST_SCALE = 16_383;

export const size = (n) => (n < 0n ? -n : n);
export const power = (n) => 10n ** BigInt(n);

/** A quotient of integers, rounded, halves away from zero. */
function rounded(above, below) {
  const found = (2n * size(above) + size(below)) / (2n * size(below));
  return above < 0n === below < 0n ? found : -found;
}

export function scaled({ n, scale }, to) {
  return { n: to < scale ? rounded(n, power(scale - to)) : n * power(to - scale), scale: to };
}

export function exactOf(value) {
  if (INFINITE.includes(String(value))) return Number(value);
  const text = typeof value === "number" ? decimalText(value) : String(value);
  const found = /^([-+]?)(?:(\d+)(?:\.(\d*))?|\.(\d+))(?:e([-+]?\d{1,6}))?$/i.exec(text);
  if (!found) return undefined;
  const [, sign, whole = "", behind = "", part = behind, exponent = 0] = found;
  const scale = part.length - exponent;
  if (scale > MOST_SCALE || whole.length + part.length - scale > MOST_WHOLE) return undefined;
  const n = BigInt(whole + part) * (sign === "-" ? -1n : 1n);
  return scaled({ n, scale }, Math.max(scale, 0));
}

export function exactText({ n, scale }) {
  const digits = String(size(n)).padStart(scale + 1, "0");
  const point = digits.length - scale;
  return (n < 0n ? "-" : "") + digits.slice(0, point) + (scale ? `.${digits.slice(point)}` : "");
}

/** Without zeros at its end. */
export function shortened(exact) {
  let { n, scale } = exact;
  while (scale > 0 && n % 10n === 0n) [n, scale] = [n / 10n, scale - 1];
  return typeof exact === "number" ? exact : { n, scale };
}

/** What two exact numbers give as integers of one scale, or, where one is infinite or NaN, as doubles. */
function together(one, other, give) {
  if (typeof one === "number" || typeof other === "number") {
    return give(...[one, other].map((each) => (typeof each === "number" ? each : 0)));
  }
  const scale = Math.max(one.scale, other.scale);
  return give(scaled(one, scale).n, scaled(other, scale).n, scale);
}

export const exactOrder = (one, other) => together(one, other, order);
export const exactSum = (one, other) =>
  together(one, other, (a, b, scale) => (scale === undefined ? a + b : { n: a + b, scale }));

/** The first of the digits in base 10,000, and how many stand before the point beside it. */
function leading(exact) {
  const [whole, part = ""] = exactText({ ...exact, n: size(exact.n) }).split(".");
  const before = Math.ceil(whole.length / 4);
  const groups = (whole.padStart(4 * before, "0") + part.padEnd(4 * Math.ceil(part.length / 4), "0")).match(/.{4}/g);
  const first = groups.findIndex((each) => each !== "0000");
  return first === -1 ? [0, 0] : [before - 1 - first, Number(groups[first])];
}

/** A quotient with as many digits as PostgreSQL's division of numeric has. */
export function exactQuotient(above, below) {
  if (typeof above === "number") return above;
  const [[weight, first], [otherWeight, otherFirst]] = [leading(above), leading(below)];
  const wanted = 16 - 4 * (weight - otherWeight - (first <= otherFirst ? 1 : 0));
  const scale = Math.min(Math.max(wanted, above.scale, below.scale), 1000);
  return { n: rounded(above.n * power(scale + below.scale), below.n * power(above.scale)), scale };
}
