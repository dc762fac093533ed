// Functions of one number, and links. 0 has no sign, and none of them raises. The sums and products of log1p and expm1
// are those of the other engines; exp, log, log10, tanh, sin and cos are the browser's.
import { choice, integer } from "./checks.js";

const expit = (z) => 1 / (1 + Math.exp(-z));
export const quotient = (a, b) => (b === 0 ? (a > 0 ? Infinity : a < 0 ? -Infinity : NaN) : a / b);

function log1p(x) {
  if (!(x > -1 && x < Infinity)) return x === -1 ? -Infinity : x === Infinity ? Infinity : NaN;
  const rounded = 1 + x;
  const lost = x <= 1 ? x - (rounded - 1) : 1 - (rounded - x);
  return Math.log(rounded) + lost / rounded;
}

function expm1(x) {
  const power = Math.exp(x);
  if (power === 1) return x;
  // What exp() has rounded away shows in its logarithm.
  return Math.abs(x) < 1 ? (power - 1) * (x / Math.log(power)) : power - 1;
}

function logit(x) {
  if (x > 0 && x < 1) return Math.log(x / (1 - x));
  return x === 0 ? -Infinity : x === 1 ? Infinity : NaN;
}

export const FUNCTIONS = {
  abs: Math.abs,
  sqrt: Math.sqrt,
  square: (x) => x * x,
  sign: (x) => (x > 0 ? 1 : x < 0 ? -1 : x + 0),
  trunc: (x) => Math.trunc(x) + 0,
  floor: (x) => Math.floor(x) + 0,
  ceil: (x) => Math.ceil(x) + 0,
  relu: (x) => (x <= 0 ? 0 : x),
  reciprocal: (x) => quotient(1, x),
  exp: Math.exp,
  expm1,
  log: Math.log,
  log10: Math.log10,
  log1p,
  logit,
  expit,
  tanh: Math.tanh,
  sin: Math.sin,
  cos: Math.cos,
};

export function sum(values) {
  let total = 0;
  for (const each of values) total += each;
  return total;
}

/** A sum with what each addition has lost added at the end. */
export function carefulSum(values) {
  let total = 0;
  let lost = 0;
  for (const each of values) {
    const next = total + each;
    lost += Math.abs(total) >= Math.abs(each) ? total - next + each : each - next + total;
    total = next;
  }
  return Number.isFinite(lost) ? total + lost : total;
}

function normalize(scores) {
  const total = sum(scores);
  // scikit-learn's answer where all of them underflow.
  return scores.map((score) => (total === 0 ? 1 / scores.length : score / total));
}

function softmax(scores) {
  const largest = Math.max(...scores);
  if (!Number.isFinite(largest)) return scores.map(() => NaN);
  const powers = scores.map((score) => Math.exp(score - largest));
  const total = sum(powers);
  return powers.map((power) => power / total);
}

function argmax(scores) {
  // numpy takes NaN for the largest.
  let best = scores.findIndex(Number.isNaN);
  if (best === -1) best = scores.indexOf(Math.max(...scores));
  return scores.map((_, n) => (n === best ? 1 : 0));
}

function logistic([score]) {
  const probability = expit(score);
  return [1 - probability, probability];
}

// Each takes a list of scores and gives a list of outputs.
export const LINKS = {
  identity: (scores) => scores,
  logistic,
  softmax,
  one_vs_rest: (scores) => normalize(scores.map(expit)),
  sign: ([score]) => (score > 0 ? [0, 1] : [1, 0]),
  argmax,
  exp: ([score]) => [Math.exp(score)],
  expit: ([score]) => [expit(score)],
  one_vs_all: (scores) => scores.map(expit),
  square_signed: ([score]) => [score * Math.abs(score)],
  normalize,
};
// How many outputs there are of one score, where a link takes no more.
export const OF_ONE_SCORE = { logistic: 2, sign: 2, exp: 1, expit: 1, square_signed: 1 };
const OF_CLASSES = ["softmax", "one_vs_rest", "argmax", "normalize"];
export const MOST_SCORES = 1000;

export function readLink(found, place, scores) {
  const link = choice(found, place, Object.keys(LINKS));
  integer(scores, place, OF_CLASSES.includes(link) ? 2 : 1, link in OF_ONE_SCORE ? 1 : MOST_SCORES);
  return link;
}
