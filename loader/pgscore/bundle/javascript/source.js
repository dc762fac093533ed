/**
 * Evaluates a version of a model outside the database, out of the bundle that `pgscore bundle` writes: the same scores,
 * labels and reasons as pgscore.score, pgscore.predict and pgscore.explain give for a row as JSON.
 *
 * One ES module without dependencies. It makes no source code while it runs, so a Content-Security-Policy may forbid
 * that. Browsers from 2022 on, and node from 18 on.
 *
 * A bundle is data that nobody vouches for: everything in it is checked before it is walked, as the database does.
 */

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

const IS_NODE = typeof process === "object" && Boolean(process.versions?.node);
// Not for bundlers to look for.
const nodeModule = (name) => import(/* webpackIgnore: true */ /* @vite-ignore */ `node:${name}`);

// ---------------------------------------------------------------------------------------------------------------------
// Numbers and texts as others write them.

// U+0000, and half of a surrogate pair: with this flag whole ones are one character.
const NO_TEXT = /[\0\p{Surrogate}]/u;
const isObject = (found) => typeof found === "object" && found !== null && !Array.isArray(found);
const has = (found, name) => Object.hasOwn(found, name);
const isMissing = (value) => value === null || Number.isNaN(value);

/** A number without an exponent, as PostgreSQL's jsonb writes it. */
function decimalText(x) {
  const found = /^(-?)(\d+)(?:\.(\d+))?e([-+]\d+)$/.exec(String(x));
  if (!found) return String(x);
  const [, sign, whole, part = "", power] = found;
  if (power < 0) return `${sign}0.${"0".repeat(-power - 1)}${whole}${part}`;
  return sign + whole + part + "0".repeat(power - part.length);
}

/** A number as Python writes it. */
function floatText(x) {
  if (!Number.isFinite(x)) return x > 0 ? "inf" : x < 0 ? "-inf" : "nan";
  const [, digits, sign, power] = /^(.+)e([-+])(\d+)$/.exec(x.toExponential());
  if (x !== 0 && power > (sign === "-" ? 4 : 15)) return `${digits}e${sign}${power.padStart(2, "0")}`;
  return decimalText(x) + (Number.isInteger(x) ? ".0" : "");
}

/** A value as a message shows it: short. */
function shown(value) {
  const text = typeof value === "string" ? JSON.stringify(value) : floatText(value);
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}

/** As PostgreSQL orders numbers: NaN is the largest, and equal to itself. */
const order = (a, b) => (a < b ? -1 : a > b ? 1 : Number.isNaN(a) - Number.isNaN(b));

/** Whether a text comes before another by code points; JavaScript compares halves of surrogate pairs, which lie below. */
function isBefore(one, other) {
  let n = 0;
  while (n < one.length && one[n] === other[n]) n += 1;
  const [a, b] = [one, other].map((text) => {
    const unit = text.charCodeAt(n);
    return unit >= 0xd800 && unit < 0xe000 ? unit + 0x10000 : unit;
  });
  return a < b || (Number.isNaN(a) && n < other.length);
}

// ---------------------------------------------------------------------------------------------------------------------
// Checks: each returns what it was given, or refuses it and names its place.

const MOST_DEPTH = 1000;

function want(holds, place, what = "is not as docs/program.md says") {
  if (!holds) throw new PgscoreError(`the bundle is refused: ${place} ${what}`, "`pgscore bundle` writes it again.");
}

function fields(found, place, required, optional = []) {
  want(isObject(found), place);
  for (const name of required) want(has(found, name), place, `has no ${name}`);
  for (const name of Object.keys(found)) {
    const isKnown = required.includes(name) || optional.includes(name);
    want(isKnown, place, `has a field ${name}, which means nothing to this pgscore.js`);
  }
}

function items(found, place, least = 0, most = Infinity) {
  want(Array.isArray(found) && found.length >= least && found.length <= most, place);
  return found;
}

// Of long lists the place is written only where it is needed.
const within = (place, n) => (n === undefined ? place : `${place}[${n}]`);

function number(found, place, n) {
  if (!Number.isFinite(found)) want(false, within(place, n));
  return found;
}

function numbers(found, place, least, most) {
  return Float64Array.from(items(found, place, least, most), (each, n) => number(each, place, n));
}

const numberOrNaN = (found, place, n) => (found === null ? NaN : number(found, place, n));

function integer(found, place, least, most, n) {
  if (!(Number.isInteger(found) && found >= least && found <= most)) want(false, within(place, n));
  return found;
}

function integers(found, place, count, least, most) {
  return Int32Array.from(items(found, place, count, count), (each, n) => integer(each, place, least, most, n));
}

function text(found, place) {
  want(typeof found === "string" && !NO_TEXT.test(found), place);
  return found;
}

function choice(found, place, choices) {
  want(choices.includes(found), place, `is none of ${choices.join(", ")}`);
  return found;
}

function flag(found, place) {
  want(typeof found === "boolean", place);
  return found;
}

/** A sorted list of texts, or of numbers, without repetitions. */
function members(found, place, areTexts) {
  const values = areTexts ? items(found, place).map((each) => text(each, place)) : numbers(found, place);
  values.forEach((each, n) => {
    const isNext = n === 0 || (areTexts ? isBefore(values[n - 1], each) : values[n - 1] < each);
    if (!isNext) want(false, within(place, n));
  });
  return values;
}

function bounds(found, place) {
  const minimum = has(found, "minimum") ? number(found.minimum, `${place}.minimum`) : -Infinity;
  const maximum = has(found, "maximum") ? number(found.maximum, `${place}.maximum`) : Infinity;
  want(minimum <= maximum, `${place}.minimum`);
  return { minimum, maximum };
}

/** What steps may refer to: for each register before them whether it holds a text. */
class Scope {
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

// ---------------------------------------------------------------------------------------------------------------------
// Functions of one number, and links. 0 has no sign, and none of them raises. The sums and products of log1p and expm1
// are those of the other engines; exp, log, log10, tanh, sin and cos are the browser's.

const expit = (z) => 1 / (1 + Math.exp(-z));
const quotient = (a, b) => (b === 0 ? (a > 0 ? Infinity : a < 0 ? -Infinity : NaN) : a / b);

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

const FUNCTIONS = {
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

function sum(values) {
  let total = 0;
  for (const each of values) total += each;
  return total;
}

/** A sum with what each addition has lost added at the end. */
function carefulSum(values) {
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
const LINKS = {
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
const OF_ONE_SCORE = { logistic: 2, sign: 2, exp: 1, expit: 1, square_signed: 1 };
const OF_CLASSES = ["softmax", "one_vs_rest", "argmax", "normalize"];
const MOST_SCORES = 1000;

function readLink(found, place, scores) {
  const link = choice(found, place, Object.keys(LINKS));
  integer(scores, place, OF_CLASSES.includes(link) ? 2 : 1, link in OF_ONE_SCORE ? 1 : MOST_SCORES);
  return link;
}

// ---------------------------------------------------------------------------------------------------------------------
// Steps: each is read to `run(numbers, texts, at)`, which puts what it computes behind the registers that are there.
// A register's number stands in `numbers`, NaN where it is missing; its text in `texts`, null where it is missing.

// Nothing of it changes a number that has no such field: not even 0's sign.
const AFFINE = { subtract: 0, divide: 1, multiply: 1, add: -0 };
const KERNELS = { rbf: [], poly: ["constant", "degree"], sigmoid: ["constant"] };

function dot(one, other) {
  let total = 0;
  for (let n = 0; n < one.length; n += 1) total += one[n] * other[n];
  return total;
}

/** A step that makes one number of one register's. */
const ofOne = (of, compute) => ({
  of: [of],
  run(numbers, texts, at) {
    numbers[at] = compute(numbers[of], texts[of]);
  },
});

/** A step that makes one number of several registers'. */
const ofMany = (of, compute) => ({
  of,
  run(numbers, texts, at) {
    numbers[at] = compute(of.map((register) => numbers[register]));
  },
});

// Each takes a step, its place, and the scope.
const STEPS = {
  affine(found, place, scope) {
    fields(found, place, ["step", "of"], Object.keys(AFFINE));
    const given = { ...AFFINE };
    for (const name of Object.keys(AFFINE)) {
      if (has(found, name)) given[name] = number(found[name], `${place}.${name}`);
    }
    const { subtract, divide, multiply, add } = given;
    want(divide !== 0, `${place}.divide`);
    return {
      ...ofOne(scope.register(found.of, `${place}.of`), (x) => ((x - subtract) / divide) * multiply + add),
      factor: multiply / divide,
      offset: (-subtract / divide) * multiply + add,
    };
  },

  clip(found, place, scope) {
    fields(found, place, ["step", "of"], ["minimum", "maximum"]);
    const { minimum, maximum } = bounds(found, place);
    const of = scope.register(found.of, `${place}.of`);
    return ofOne(of, (x) => (x < minimum ? minimum : x > maximum ? maximum : x));
  },

  function(found, place, scope) {
    fields(found, place, ["step", "of", "name"]);
    const compute = FUNCTIONS[choice(found.name, `${place}.name`, Object.keys(FUNCTIONS))];
    return ofOne(scope.register(found.of, `${place}.of`), (x) => compute(x));
  },

  fill(found, place, scope) {
    fields(found, place, ["step", "of", "with"]);
    const of = scope.register(found.of, `${place}.of`, null);
    const isText = scope.texts[of];
    const filling = (isText ? text : number)(found.with, `${place}.with`);
    if (!isText) return ofOne(of, (x) => (Number.isNaN(x) ? filling : x));
    const run = (numbers, texts, at) => {
      texts[at] = texts[of] ?? filling;
    };
    return { of: [of], run, isText };
  },

  missing(found, place, scope) {
    fields(found, place, ["step", "of"]);
    const of = scope.register(found.of, `${place}.of`, null);
    const isText = scope.texts[of];
    return ofOne(of, (x, t) => (isMissing(isText ? t : x) ? 1 : 0));
  },

  lookup(found, place, scope) {
    fields(found, place, ["step", "of", "keys", "values", "unknown", "missing"]);
    const of = scope.register(found.of, `${place}.of`, null);
    const isText = scope.texts[of];
    const keys = members(found.keys, `${place}.keys`, isText);
    items(found.values, `${place}.values`, keys.length, keys.length);
    const table = new Map();
    keys.forEach((key, n) => table.set(key, numberOrNaN(found.values[n], `${place}.values`, n)));
    const unknown = numberOrNaN(found.unknown, `${place}.unknown`);
    const missing = numberOrNaN(found.missing, `${place}.missing`);
    return ofOne(of, (x, t) => {
      const value = isText ? t : x;
      return isMissing(value) ? missing : table.get(value) ?? unknown;
    });
  },

  linear(found, place, scope) {
    fields(found, place, ["step", "of", "weights", "intercept"], ["center"]);
    const of = scope.registers(found.of, `${place}.of`);
    const row = (name) => numbers(found[name], `${place}.${name}`, of.length, of.length);
    const weights = row("weights");
    const center = has(found, "center") ? row("center") : new Float64Array(of.length);
    const intercept = number(found.intercept, `${place}.intercept`);
    const run = (numbers, texts, at) => {
      let total = intercept;
      for (let n = 0; n < of.length; n += 1) total += weights[n] * numbers[of[n]];
      numbers[at] = total;
    };
    return { of, run, weights, center, intercept };
  },

  product(found, place, scope) {
    fields(found, place, ["step", "of"]);
    return ofMany(scope.registers(found.of, `${place}.of`, 2, 100), (given) => given.reduce((a, b) => a * b));
  },

  ratio(found, place, scope) {
    fields(found, place, ["step", "of"]);
    return ofMany(scope.registers(found.of, `${place}.of`, 2, 2), (given) => quotient(...given));
  },

  piecewise(found, place, scope) {
    fields(found, place, ["step", "of", "knots", "coefficients", "closed", "missing"]);
    const knots = members(items(found.knots, `${place}.knots`, 1), `${place}.knots`, false);
    const listed = items(found.coefficients, `${place}.coefficients`, knots.length + 1, knots.length + 1);
    const pieces = listed.map((each, n) => (each === null ? [NaN] : numbers(each, `${place}.coefficients[${n}]`, 1, 20)));
    const isLeftClosed = choice(found.closed, `${place}.closed`, ["left", "right"]) === "left";
    const missing = numberOrNaN(found.missing, `${place}.missing`);
    return ofOne(scope.register(found.of, `${place}.of`), (x) => {
      if (Number.isNaN(x)) return missing;
      let [low, high] = [0, knots.length];
      while (low < high) {
        const middle = (low + high) >>> 1;
        if (isLeftClosed ? knots[middle] <= x : knots[middle] < x) low = middle + 1;
        else high = middle;
      }
      const piece = pieces[low];
      const beyond = x - knots[Math.max(low - 1, 0)];
      let total = piece[piece.length - 1];
      for (let n = piece.length - 2; n >= 0; n -= 1) total = total * beyond + piece[n];
      return total;
    });
  },

  quadratic(found, place, scope) {
    fields(found, place, ["step", "of", "center"], ["matrix"]);
    const of = scope.registers(found.of, `${place}.of`, 1);
    const center = numbers(found.center, `${place}.center`, of.length, of.length);
    const matrix = has(found, "matrix") ? rows(found.matrix, `${place}.matrix`, of.length) : null;
    return ofMany(of, (given) => {
      const differences = given.map((x, n) => x - center[n]);
      const made = matrix ? matrix.map((row) => dot(row, differences)) : differences;
      return dot(made, made);
    });
  },

  median(found, place, scope) {
    fields(found, place, ["step", "of", "weights"]);
    const of = scope.registers(found.of, `${place}.of`, 1, MOST_SCORES);
    const weights = numbers(found.weights, `${place}.weights`, of.length, of.length);
    want(weights.every((weight) => weight >= 0 && weight <= 1e300), `${place}.weights`);
    return ofMany(of, (given) => {
      const ranked = given.map((x, n) => [x, weights[n]]);
      ranked.sort(([a], [b]) => order(a, b));
      const total = sum(ranked.map(([, weight]) => weight));
      let soFar = 0;
      return ranked.find(([, weight]) => 2 * (soFar += weight) >= total)[0];
    });
  },

  kernel(found, place, scope) {
    const kernel = choice(found.kernel, `${place}.kernel`, Object.keys(KERNELS));
    const required = ["intercept", "gamma", ...KERNELS[kernel]];
    fields(found, place, ["step", "of", "kernel", "vectors", "coefficients", ...required]);
    const of = scope.registers(found.of, `${place}.of`, 1);
    const vectors = rows(found.vectors, `${place}.vectors`, of.length);
    const coefficients = numbers(found.coefficients, `${place}.coefficients`, vectors.length, vectors.length);
    required.forEach((name) => number(found[name], `${place}.${name}`));
    const { intercept, gamma, constant, degree = 1 } = found;
    integer(degree, `${place}.degree`, 1, 20);
    const similar = {
      rbf(vector, given) {
        let total = 0;
        for (let n = 0; n < given.length; n += 1) total += (given[n] - vector[n]) * (given[n] - vector[n]);
        return Math.exp(-(gamma * total));
      },
      poly(vector, given) {
        const base = gamma * dot(given, vector) + constant;
        let power = base;
        for (let n = 1; n < degree; n += 1) power *= base;
        return power;
      },
      sigmoid: (vector, given) => Math.tanh(gamma * dot(given, vector) + constant),
    }[kernel];
    return ofMany(of, (given) =>
      vectors.reduce((total, vector, n) => total + coefficients[n] * similar(vector, given), intercept),
    );
  },

  link(found, place, scope) {
    fields(found, place, ["step", "of", "link"]);
    const of = scope.registers(found.of, `${place}.of`);
    const link = readLink(found.link, `${place}.link`, of.length);
    const run = (numbers, texts, at) => numbers.set(LINKS[link](of.map((register) => numbers[register])), at);
    return { of, run, outputs: OF_ONE_SCORE[link] ?? of.length };
  },

  trees(found, place, scope) {
    const of = scope.registers(found.of, `${place}.of`, 0, Infinity, null);
    const trees = readTrees(found, place, scope, of);
    return { of, run: walker(trees), outputs: trees.base.length, trees };
  },
};

/** Lists of as many numbers. */
function rows(found, place, width) {
  return items(found, place, 1).map((each, n) => numbers(each, `${place}[${n}]`, width, width));
}

/** An ensemble of trees: reads its arrays, and proves that they are trees. */
function readTrees(found, place, scope, of) {
  const nodeFields = ["feature", "threshold", "set", "missing_left", "left", "right"];
  const required = ["step", "of", "precision", "base", "roots", "target", ...nodeFields, "values", "sets"];
  fields(found, place, required, ["divide", "cover"]);
  choice(found.precision, `${place}.precision`, ["float64"]);
  const size = items(found.feature, `${place}.feature`).length;
  const list = (name, least, most, count = size) => integers(found[name], `${place}.${name}`, count, least, most);
  const sets = items(found.sets, `${place}.sets`).map((each, n) =>
    members(each, `${place}.sets[${n}]`, typeof each?.[0] === "string"),
  );
  const base = numbers(found.base, `${place}.base`, 1, MOST_SCORES);
  const values = numbers(found.values, `${place}.values`);
  const thresholds = items(found.threshold, `${place}.threshold`, size, size);
  const roots = list("roots", 0, size - 1, items(found.roots, `${place}.roots`).length);
  const trees = {
    base,
    divide: has(found, "divide") ? number(found.divide, `${place}.divide`) : 1,
    roots,
    target: list("target", -1, base.length - 1, roots.length),
    feature: list("feature", -1, of.length - 1),
    threshold: Float64Array.from(thresholds, (each, n) => numberOrNaN(each, `${place}.threshold`, n)),
    set: list("set", -1, sets.length - 1),
    missingLeft: list("missing_left", 0, 1),
    left: list("left", 0, Math.max(size, values.length) - 1),
    right: list("right", -1, size - 1),
    values,
    sets: sets.map((each) => new Set(each)),
    cover: has(found, "cover") ? numbers(found.cover, `${place}.cover`, size, size) : null,
    depth: new Int32Array(size).fill(-1),
    // For each node whether its tree has a number for each output in its leaves.
    wide: new Uint8Array(size),
    // For each node the register that it tests, or -1; and whether that holds a text.
    register: new Int32Array(size).fill(-1),
    isText: new Uint8Array(size),
  };
  want(trees.divide !== 0, `${place}.divide`);
  want(!trees.cover?.some((each) => each < 0), `${place}.cover`);
  checkNodes(trees, place, scope, of, sets);
  return trees;
}

/** Holds that the nodes are trees of bounded depth that test what they can, and fills in what follows from that. */
function checkNodes(trees, place, scope, of, sets) {
  const { depth, wide, feature, threshold, set, left, right, values } = trees;
  // An empty set suits texts and numbers.
  const kinds = sets.map((each) => (each.length ? typeof each[0] === "string" : null));
  trees.roots.forEach((root, n) => {
    want(depth[root] === -1, `${place}.roots[${n}]`);
    depth[root] = 0;
    wide[root] = trees.target[n] === -1 ? 1 : 0;
  });
  for (let node = 0; node < depth.length; node += 1) {
    const holds = (what, name) => what || want(false, `${place}.${name}[${node}]`);
    holds(depth[node] >= 0 && depth[node] <= MOST_DEPTH, "feature");
    if (feature[node] === -1) {
      holds(set[node] === -1, "set");
      holds(Number.isNaN(threshold[node]), "threshold");
      holds(left[node] + (wide[node] ? trees.base.length : 1) <= values.length, "left");
      holds(right[node] === -1, "right");
      continue;
    }
    const isText = scope.texts[of[feature[node]]];
    holds((set[node] === -1) !== Number.isNaN(threshold[node]), "threshold");
    if (set[node] === -1) holds(!isText, "threshold");
    else holds(kinds[set[node]] === null || kinds[set[node]] === isText, "set");
    trees.register[node] = of[feature[node]];
    trees.isText[node] = isText ? 1 : 0;
    for (const [name, child] of [["left", left[node]], ["right", right[node]]]) {
      // Children stand behind their parents, and have no other: no tree loops.
      holds(child > node && child < depth.length && depth[child] === -1, name);
      depth[child] = depth[node] + 1;
      wide[child] = wide[node];
    }
  }
}

/** Whether a row goes left at a node. */
function goesLeft(trees, node, numbers, texts) {
  const register = trees.register[node];
  const value = trees.isText[node] ? texts[register] : numbers[register];
  if (isMissing(value)) return trees.missingLeft[node] === 1;
  return trees.set[node] === -1 ? value <= trees.threshold[node] : trees.sets[trees.set[node]].has(value);
}

function walker(trees) {
  const { base, divide, roots, target, register, threshold, set, left, right, values } = trees;
  return (numbers, texts, at) => {
    for (let output = 0; output < base.length; output += 1) numbers[at + output] = base[output];
    for (let tree = 0; tree < roots.length; tree += 1) {
      let node = roots[tree];
      while (register[node] !== -1) {
        const value = numbers[register[node]];
        const isLeft = set[node] === -1 && !Number.isNaN(value) ? value <= threshold[node] : goesLeft(trees, node, numbers, texts);
        node = isLeft ? left[node] : right[node];
      }
      const leaf = left[node];
      if (target[tree] >= 0) numbers[at + target[tree]] += values[leaf];
      else for (let output = 0; output < base.length; output += 1) numbers[at + output] += values[leaf + output];
    }
    if (divide !== 1) for (let output = 0; output < base.length; output += 1) numbers[at + output] /= divide;
  };
}

// ---------------------------------------------------------------------------------------------------------------------
// Programs.

const BEYOND = "a number that the model computes of the inputs is missing, or beyond what it accepts";

function readInput(found, place, scope) {
  fields(found, place, ["name", "type", "nullable"], ["minimum", "maximum", "known"]);
  const type = choice(found.type, `${place}.type`, ["double precision", "text", "boolean"]);
  const isText = type === "text";
  want(!isText || !(has(found, "minimum") || has(found, "maximum")), place);
  const known = has(found, "known") ? new Set(members(found.known, `${place}.known`, isText)) : null;
  scope.texts.push(isText);
  const [name, nullable] = [text(found.name, `${place}.name`), flag(found.nullable, `${place}.nullable`)];
  return { name, type, isText, nullable, known, ...bounds(found, place) };
}

function readStep(found, place, scope) {
  const name = choice(found?.step, `${place}.step`, Object.keys(STEPS));
  const step = { name, outputs: 1, at: scope.texts.length, ...STEPS[name](found, place, scope) };
  for (let n = 0; n < step.outputs; n += 1) scope.texts.push(step.isText === true);
  return step;
}

/** A program, ready to be evaluated: docs/program.md says what its parts mean. */
class Program {
  constructor(found) {
    fields(found, "it", ["program", "inputs", "steps", "scores", "link", "tie"], ["require", "decide"]);
    want(found.program === 1, "its format", "is another than 1, which this pgscore.js reads");
    const scope = new Scope();
    const each = (name, read) => items(found[name] ?? [], name).map((one, n) => read(one, `${name}[${n}]`, scope));
    const register = (one, place) => scope.register(one, place);
    this.inputs = each("inputs", readInput);
    want(new Set(this.inputs.map((input) => input.name)).size === this.inputs.length, "inputs", "have one name twice");
    this.steps = each("steps", readStep);
    this.scores = each("scores", register);
    this.link = readLink(found.link, "link", this.scores.length);
    this.width = OF_ONE_SCORE[this.link] ?? this.scores.length;
    this.require = each("require", (one, place) => {
      fields(one, place, ["of", "nullable"], ["minimum", "maximum"]);
      return { of: register(one.of, place), nullable: flag(one.nullable, place), ...bounds(one, place) };
    });
    this.tie = choice(found.tie, "tie", ["first", "last"]);
    this.decide = each("decide", register);
    want(!has(found, "decide") || (this.decide.length === this.width && this.width > 1), "decide");
    // Each row is computed in these, one after the other.
    this.numbers = new Float64Array(scope.texts.length);
    this.texts = new Array(scope.texts.length).fill(null);
  }

  /**
   * Computes the registers of a row whose inputs stand in `numbers` and `texts`.
   * Returns null, or why it is refused; undefined where an input is missing that must not be.
   */
  run() {
    const { numbers, texts } = this;
    let problem = null;
    for (let n = 0; n < this.inputs.length; n += 1) {
      const { name, isText, nullable, minimum, maximum, known } = this.inputs[n];
      const value = isText ? texts[n] : numbers[n];
      if (isMissing(value)) {
        if (!nullable) return undefined;
      } else if (!isText && !(value >= minimum && value <= maximum)) {
        const accepted = `${floatText(minimum)} to ${floatText(maximum)}`;
        problem ??= `input ${name} is ${floatText(value)}, and the model accepts ${accepted}`;
      } else if (known !== null && !known.has(value)) {
        problem ??= `input ${name} is ${shown(value)}, which the model does not know`;
      }
    }
    if (problem !== null) return problem;
    for (const step of this.steps) step.run(numbers, texts, step.at);
    for (const { of, nullable, minimum, maximum } of this.require) {
      const value = numbers[of];
      if (!(value >= minimum && value <= maximum) && !(nullable && Number.isNaN(value))) return BEYOND;
    }
    return null;
  }

  /** The outputs of the row that was computed. */
  outputs() {
    return LINKS[this.link](this.scores.map((register) => this.numbers[register]));
  }

  /** The position of the label of the row that was computed; null where one of the numbers that decide is NaN. */
  label(outputs) {
    const deciding = this.decide.length ? this.decide.map((register) => this.numbers[register]) : outputs;
    if (deciding.some(Number.isNaN)) return null;
    const largest = Math.max(...deciding);
    return this.tie === "first" ? deciding.indexOf(largest) : deciding.lastIndexOf(largest);
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Reasons: what each input adds to a score, in the space of the link. A score is taken apart from its end, down to
// registers that are made of one input alone; trees by TreeSHAP, as Lundberg, Erion and Lee define it by covers.

const MIXED = -1;
const MOST_EXPLAINED_DEPTH = 200;

function refuseReasons(why) {
  throw new PgscoreError(why, "docs/guide/explaining.md says which models can.", "0A000");
}

/** For each register the input that it is made of, or that it is made of several. */
function playersOf(program) {
  const players = program.inputs.map((_, n) => n);
  for (const step of program.steps) {
    const madeOf = new Set(step.of.map((register) => players[register]));
    const isAlone = step.name !== "linear" && step.name !== "trees" && madeOf.size === 1;
    for (let n = 0; n < step.outputs; n += 1) players.push(isAlone ? [...madeOf][0] : MIXED);
  }
  return players;
}

/** Gauss-Legendre quadrature from 0 to 1: exact up to degree 2 × points − 1. */
function legendre(points) {
  const [nodes, weights] = [[], []];
  for (let n = 0; n < points; n += 1) {
    let x = Math.cos((Math.PI * (n + 0.75)) / (points + 0.5));
    let slope = 1;
    for (let turn = 0; turn < 50; turn += 1) {
      let [before, here] = [1, x];
      for (let degree = 2; degree <= points; degree += 1) {
        [before, here] = [here, ((2 * degree - 1) * x * here - (degree - 1) * before) / degree];
      }
      slope = (points * (x * here - before)) / (x * x - 1);
      x -= here / slope;
      if (Math.abs(here / slope) <= 1e-15) break;
    }
    nodes.push((1 - x) / 2);
    weights.push(1 / ((1 - x * x) * slope * slope));
  }
  return { nodes, weights };
}

/** What one output of an ensemble is on the average, and what each input adds to that. */
class Ensemble {
  constructor(trees, output, players, weight) {
    Object.assign(this, { trees, output, players, weight });
    this.roots = [...trees.roots].filter((_, n) => [output, -1].includes(trees.target[n]));
    this.points = this.roots.map((root) => legendre((this.mostPlayers(root, new Set()) + 1) >> 1 || 1));
    const expected = this.roots.map((root) => this.expected(root));
    this.average = carefulSum([trees.base[output], ...expected]) / trees.divide;
  }

  player(node) {
    return this.players[this.trees.register[node]];
  }

  leaf(node) {
    return this.trees.values[this.trees.left[node] + (this.trees.wide[node] ? this.output : 0)];
  }

  mostPlayers(node, above) {
    const { depth, register, left, right } = this.trees;
    if (depth[node] > MOST_EXPLAINED_DEPTH) refuseReasons(`it has a tree that is deeper than ${MOST_EXPLAINED_DEPTH}`);
    if (register[node] === -1) return above.size;
    const isNew = !above.has(this.player(node));
    above.add(this.player(node));
    const most = Math.max(this.mostPlayers(left[node], above), this.mostPlayers(right[node], above));
    if (isNew) above.delete(this.player(node));
    return most;
  }

  /** How likely a row goes left, by the covers; where none came, either way. */
  leftRatio(node) {
    const { cover, left, right } = this.trees;
    const total = cover[left[node]] + cover[right[node]];
    return total > 0 ? cover[left[node]] / total : 0.5;
  }

  rightRatio(node) {
    const { cover, left, right } = this.trees;
    const total = cover[left[node]] + cover[right[node]];
    return total > 0 ? cover[right[node]] / total : 0.5;
  }

  expected(node) {
    const { register, left, right } = this.trees;
    if (register[node] === -1) return this.leaf(node);
    const [toLeft, toRight] = [this.leftRatio(node), this.rightRatio(node)];
    return (toLeft ? toLeft * this.expected(left[node]) : 0) + (toRight ? toRight * this.expected(right[node]) : 0);
  }

  /** Puts what this ensemble adds behind what each input adds. */
  explain(numbers, texts, added) {
    const row = { numbers, texts, gained: new Float64Array(added.length) };
    row.above = new Float64Array(added.length).fill(1);
    row.passing = new Array(added.length).fill(true);
    this.roots.forEach((root, n) => {
      const { nodes, weights } = this.points[n];
      this.walk(root, { ...row, nodes, weights }, nodes.map(() => 1));
    });
    added.forEach((terms, n) => terms.push((this.weight * row.gained[n]) / this.trees.divide));
  }

  /** For each point the sum of the leaves below times their products; what players gain is added up on the way. */
  walk(node, row, product) {
    const { trees } = this;
    if (trees.register[node] === -1) {
      const value = this.leaf(node);
      return product.map((each) => value * each);
    }
    const player = this.player(node);
    const isLeft = goesLeft(trees, node, row.numbers, row.texts);
    const sums = product.map(() => 0);
    const former = row.above[player];
    for (const goes of [isLeft, !isLeft]) {
      const ratio = goes ? this.leftRatio(node) : this.rightRatio(node);
      const child = goes ? trees.left[node] : trees.right[node];
      if (!row.passing[player]) {
        // Neither way changes what the player gains.
        if (ratio) this.walk(child, row, product.map((each) => ratio * each)).forEach((each, n) => (sums[n] += each));
        continue;
      }
      const isTaken = goes === isLeft;
      if (!isTaken && !ratio) continue;
      const absent = former * ratio;
      row.above[player] = absent;
      row.passing[player] = isTaken;
      // What the player's factor was above, and is from here on.
      const below = this.walk(
        child,
        row,
        product.map((each, n) => {
          const t = row.nodes[n];
          return (each * ((isTaken ? t : 0) + absent * (1 - t))) / (t + former * (1 - t));
        }),
      );
      row.passing[player] = true;
      row.above[player] = former;
      below.forEach((each, n) => {
        const t = row.nodes[n];
        const gain = isTaken ? (1 - absent) / (t + absent * (1 - t)) : -1 / (1 - t);
        // The leaves below count for this edge, and no more for the one above that tests the same player.
        row.gained[player] += each * row.weights[n] * (gain - (1 - former) / (t + former * (1 - t)));
        sums[n] += each;
      });
    }
    return sums;
  }
}

/** Says what each input adds to the score of a row. */
class Explainer {
  constructor(program, positive) {
    if (program.link === "normalize") refuseReasons("its link divides scores by their sum");
    const isOfOne = program.link === "logistic" || program.link === "sign";
    const target = program.scores[isOfOne ? 0 : positive];
    this.program = program;
    this.players = playersOf(program);
    this.constants = [];
    this.terms = [];
    this.ensembles = [];
    const whole = new Map([[target, isOfOne && !positive ? -1 : 1]]);
    // A step reads lower registers only: from above, each has its whole weight when its turn comes.
    for (let register = target; register >= 0; register -= 1) {
      const weight = whole.get(register) ?? 0;
      if (weight !== 0 && this.players[register] !== MIXED) this.terms.push({ register, weight, center: 0 });
      else if (weight !== 0) this.lower(register, weight, whole);
    }
    if (![...this.constants, ...this.terms.map((term) => term.weight)].every(Number.isFinite)) {
      refuseReasons("its weights are past the largest double");
    }
    this.base = carefulSum([...this.constants, ...this.ensembles.map((each) => each.weight * each.average)]);
  }

  /** Takes the step apart that makes a register of several inputs. */
  lower(register, weight, whole) {
    const number = this.program.steps.findIndex((step) => register < step.at + step.outputs);
    const step = this.program.steps[number];
    const raise = (of, its) => whole.set(of, (whole.get(of) ?? 0) + its);
    if (step.name === "affine") {
      this.constants.push(weight * step.offset);
      raise(step.of[0], weight * step.factor);
    } else if (step.name === "linear") {
      this.constants.push(weight * step.intercept);
      step.of.forEach((of, n) => {
        const [its, center] = [weight * step.weights[n], step.center[n]];
        if (this.players[of] === MIXED) raise(of, its);
        else {
          this.terms.push({ register: of, weight: its, center });
          this.constants.push(its * center);
        }
      });
    } else if (step.name === "trees") {
      if (!step.trees.cover) refuseReasons(`the trees of steps[${number}] have no covers`);
      if (step.of.some((of) => this.players[of] === MIXED)) {
        refuseReasons(`the trees of steps[${number}] test a number made of several inputs`);
      }
      this.ensembles.push(new Ensemble(step.trees, register - step.at, this.players, weight));
    } else {
      refuseReasons(`steps[${number}], a ${step.name} step, makes one number of several inputs`);
    }
  }

  /** What each input adds to the row that was computed. */
  contributions() {
    const { numbers, texts, inputs } = this.program;
    const added = inputs.map(() => []);
    for (const { register, weight, center } of this.terms) {
      added[this.players[register]].push(weight * (numbers[register] - center));
    }
    for (const each of this.ensembles) each.explain(numbers, texts, added);
    return added.map(sum);
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Rows as JSON, as pgscore.score takes them.

/** A JSON value as PostgreSQL's jsonb writes it. */
function jsonText(value) {
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
function payloadInput(row, { name, type }) {
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
function plainText(value) {
  if (isMissing(value)) return null;
  return typeof value === "string" ? value : jsonText(value);
}

// ---------------------------------------------------------------------------------------------------------------------
// Values of columns, as docs/guide/reduce.md says that they are read, ordered and given back. A type's `read` gives what
// its other functions take, and undefined for what is no value of it; `isWritten`: as PostgreSQL writes it.

const INFINITE = ["NaN", "Infinity", "-Infinity"];
const ENDS = { infinity: Infinity, "-infinity": -Infinity };
const RANGES = { smallint: 1n << 15n, integer: 1n << 31n, bigint: 1n << 63n };
// How many digits PostgreSQL's numeric has before and behind the point.
const MOST_WHOLE = 131_072;
const MOST_SCALE = 16_383;
const MOST_LENGTH = 10_485_760;
const MOST_PRECISION = 1000;
const TIME =
  /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?(Z|([-+])(\d\d)(?::?(\d\d))?)?)?$/;
const UUID = /^[\da-f]{8}(-?)[\da-f]{4}\1[\da-f]{4}\1[\da-f]{4}\1[\da-f]{12}$/i;

const isNumber = (value) => typeof value === "number" || typeof value === "bigint";
const textOrder = (a, b) => (a === b ? 0 : isBefore(a, b) ? -1 : 1);
const size = (n) => (n < 0n ? -n : n);
const power = (n) => 10n ** BigInt(n);

/** A quotient of integers, rounded, halves away from zero. */
function rounded(above, below) {
  const found = (2n * size(above) + size(below)) / (2n * size(below));
  return above < 0n === below < 0n ? found : -found;
}

// Exact numbers are n / 10^scale; or NaN, Infinity, -Infinity.

function scaled({ n, scale }, to) {
  return { n: to < scale ? rounded(n, power(scale - to)) : n * power(to - scale), scale: to };
}

function exactOf(value) {
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

function exactText({ n, scale }) {
  const digits = String(size(n)).padStart(scale + 1, "0");
  const point = digits.length - scale;
  return (n < 0n ? "-" : "") + digits.slice(0, point) + (scale ? `.${digits.slice(point)}` : "");
}

/** Without zeros at its end. */
function shortened(exact) {
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

const exactOrder = (one, other) => together(one, other, order);
const exactSum = (one, other) =>
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
function exactQuotient(above, below) {
  if (typeof above === "number") return above;
  const [[weight, first], [otherWeight, otherFirst]] = [leading(above), leading(below)];
  const wanted = 16 - 4 * (weight - otherWeight - (first <= otherFirst ? 1 : 0));
  const scale = Math.min(Math.max(wanted, above.scale, below.scale), 1000);
  return { n: rounded(above.n * power(scale + below.scale), below.n * power(above.scale)), scale };
}

function integerType(range) {
  const fits = (exact) => (exact?.scale === 0 && exact.n >= -range && exact.n < range ? exact : undefined);
  return {
    read(value) {
      const isWhole = typeof value === "string" ? /^[-+]?\d+$/.test(value) : isNumber(value);
      return isWhole ? fits(exactOf(value)) : undefined;
    },
    fits,
    order: exactOrder,
    write: ({ n }) => (Number.isSafeInteger(Number(n)) ? Number(n) : n),
  };
}

function numericType(precision, places) {
  const fits = (exact) => {
    if (precision === undefined) return exact?.n && String(size(exact.n)).length - exact.scale > MOST_WHOLE ? undefined : exact;
    if (typeof exact === "number") return Number.isNaN(exact) ? exact : undefined;
    const found = exact && scaled(exact, Number(places));
    return found && size(found.n) < power(precision) ? scaled(found, Math.max(found.scale, 0)) : undefined;
  };
  return {
    read: (value) => (typeof value === "string" || isNumber(value) ? fits(exactOf(value)) : undefined),
    fits,
    order: exactOrder,
    write(exact) {
      if (typeof exact === "number") return String(exact);
      const near = Number(exactText(exact));
      return Number.isFinite(near) && exactOrder(exactOf(near), exact) === 0 ? near : exactText(exact);
    },
  };
}

function floatType(isSingle) {
  return {
    read(value, isWritten) {
      if (!isNumber(value) && !INFINITE.includes(value) && !isWritten) return undefined;
      const double = Number(value);
      const found = isSingle ? Math.fround(double) : double;
      const isLost = (found === 0 && double !== 0) || (Math.abs(found) === Infinity && Math.abs(double) !== Infinity);
      const isNone = (Number.isNaN(found) && String(value) !== "NaN") || (typeof value === "bigint" && !Number.isFinite(found));
      return isLost || isNone ? undefined : found;
    },
    order,
    write(value) {
      // The fewest digits that give it back: above a power of two the next number may do where the nearest does not.
      for (let digits = 0; isSingle && Number.isFinite(value) && digits < 9; digits += 1) {
        const [nearest, exponent] = value.toExponential(digits).split("e");
        const n = Number(nearest.replace(".", ""));
        // JavaScript rounds halves away from zero, and PostgreSQL to even digits.
        const isHalf = n % 2 !== 0 && new RegExp(`^-?\\d\\.\\d{${digits}}50*e`).test(value.toExponential(100));
        const further = Math.sign(n);
        for (const each of isHalf ? [n - further, n] : [n, n + further]) {
          const shown = Number(`${each}e${exponent - digits}`);
          if (Math.fround(shown) === value) return shown;
        }
      }
      return value;
    },
  };
}

function textType(length, isPadded, collation) {
  return {
    read(value) {
      if (typeof value !== "string" || NO_TEXT.test(value)) return undefined;
      const points = [...value];
      // PostgreSQL lets blanks at the end go.
      while ((isPadded || points.length > length) && points[points.length - 1] === " ") points.pop();
      return points.length > length ? undefined : points.join("");
    },
    order: textOrder,
    write: (value) => (isPadded ? value + " ".repeat(length - [...value].length) : value),
    hasOrder: collation === "C",
    isToldApart: collation !== "nondeterministic",
  };
}

/** Dates and times are microseconds since 1970, or infinite. */
function timeType(isDate, isZoned) {
  return {
    read(value) {
      if (typeof value !== "string") return undefined;
      if (has(ENDS, value)) return ENDS[value];
      const found = TIME.exec(value);
      if (!found) return undefined;
      const [, year, month, day, hour, minute = 0, second = 0, part = "", zone, sign, hours = 0, minutes = 0] = found;
      const date = new Date(0);
      date.setUTCFullYear(year, month - 1, day);
      const isDay = date.getUTCMonth() === month - 1 && date.getUTCDate() === Number(day);
      const isTime = (hour ?? 0) < 24 && minute < 60 && second < 60 && hours < 24 && minutes < 60;
      if (!isDay || !isTime || (hour === undefined) !== isDate || (zone !== undefined) !== isZoned) return undefined;
      const offset = (sign === "-" ? -60 : 60) * (60 * hours + Number(minutes));
      const seconds = date / 1000 + 3600 * (hour ?? 0) + 60 * minute + Number(second) - offset;
      const isKept = seconds >= -62_135_596_800 && seconds < 253_402_300_800;
      return isKept ? BigInt(seconds) * 1_000_000n + BigInt(part.padEnd(6, "0")) : undefined;
    },
    order,
    write(value) {
      if (typeof value === "number") return Object.keys(ENDS).find((each) => ENDS[each] === value);
      const part = ((value % 1_000_000n) + 1_000_000n) % 1_000_000n;
      const written = new Date(Number((value - part) / 1000n)).toISOString();
      if (isDate) return written.slice(0, 10);
      const digits = part ? `.${String(part).padStart(6, "0").replace(/0+$/, "")}` : "";
      return written.slice(0, 19) + digits + (isZoned ? "+00:00" : "");
    },
  };
}

/** The type of a column, as a bundle describes it. */
function columnType({ type, labels, collation }) {
  const same = (value) => value;
  const [, name, length, places = 0] = /^([^]*?)(?:\((\d+)(?:,(-?\d+))?\))?$/.exec(type);
  const found = () => {
    if (labels) {
      const read = (value) => (labels.includes(value) ? labels.indexOf(value) : undefined);
      return { read, order, write: (value) => labels[value] };
    }
    const most = name === "numeric" ? MOST_PRECISION : MOST_LENGTH;
    want(!(length > most || Math.abs(places) > MOST_PRECISION), type, "is the type of no column");
    if (name === "numeric") return numericType(length, places);
    if (name === "character varying") return textType(Number(length ?? Infinity), false, collation);
    if (name === "character") return textType(Number(length), true, collation);
    const others = {
      "double precision": () => floatType(false),
      real: () => floatType(true),
      boolean: () => ({
        read: (value, isWritten) => (isWritten ? { true: true, false: false }[value] : typeof value === "boolean" ? value : undefined),
        order,
        write: same,
      }),
      text: () => textType(Infinity, false, collation),
      uuid: () => ({
        read: (value) =>
          typeof value === "string" && UUID.test(value) ? value.toLowerCase().replace(/-/g, "").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-") : undefined,
        order,
        write: same,
      }),
      date: () => timeType(true, false),
      "timestamp without time zone": () => timeType(false, false),
      "timestamp with time zone": () => timeType(false, true),
    };
    if (has(RANGES, type)) return integerType(RANGES[type]);
    // What its values are is known to the database alone.
    return has(others, type) ? others[type]() : { read: () => undefined };
  };
  return { hasOrder: true, isToldApart: true, type, ...found() };
}

// ---------------------------------------------------------------------------------------------------------------------
// Reducing events: what the triggers of a binding would make of a profile, where its row tells it.

const haveOneWhere = (one, other) => canonical(one.where ?? {}) === canonical(other.where ?? {});

function refuseValue(what) {
  throw new PgscoreError(what, "docs/guide/reduce.md says how values are given.", "22023");
}

function refuseReducing({ aggregate, column }, why) {
  const hint = "`columns` moves the others; the database looks it up in the events.";
  throw new PgscoreError(`the ${aggregate} "${column}" cannot be told from the profile alone: ${why}`, hint, "0A000");
}

const AGGREGATES = ["count", "sum", "min", "max", "last", "avg", "distinct"];

class Reducing {
  constructor(binding, profile, events, columns) {
    this.binding = binding;
    for (const { aggregate, column, of, order_by: by, where } of items(binding.reducers, "reducers")) {
      choice(aggregate, `aggregate of ${column}`, AGGREGATES);
      const names = { profile_columns: [column], event_columns: [of, by, ...Object.keys(where ?? {})] };
      for (const [table, named] of Object.entries(names)) {
        for (const name of named) want(name === undefined || has(binding[table], name), name, "is in no table");
      }
    }
    this.profile = profile;
    // Columns may have any name.
    this.types = { event: Object.create(null), profile: Object.create(null) };
    const moved = binding.reducers.map(({ column }) => column);
    const unknown = columns?.find((each) => !moved.includes(each));
    if (unknown !== undefined) {
      throw new PgscoreError(`binding ${binding.name} moves no column "${unknown}"`, `It moves ${moved.join(", ")}.`);
    }
    const chosen = binding.reducers.filter(({ column }) => !columns || columns.includes(column));
    const reads = new Set(chosen.flatMap(({ of, order_by: by, where }) => [of, by, ...Object.keys(where ?? {})]));
    reads.delete(undefined);
    const own = events.map((row, n) => ({ row, place: `event ${n + 1}` })).filter((each) => this.isOwn(each));
    /** The profile's events, with the columns that are read as their types hold them. */
    this.events = own.map(({ row, place }) => ({
      values: new Map([...reads].map((name) => [name, this.value("event", row, name, place)])),
      // Null where it is not known.
      key: binding.primary_key?.every((name) => isObject(row) && (row[name] ?? null) !== null)
        ? binding.primary_key.map((name) => this.value("event", row, name, place))
        : null,
    }));
    const found = new Map(Object.entries(profile));
    for (const reducer of binding.reducers) {
      if (!chosen.includes(reducer)) found.delete(reducer.column);
      else if (own.length) {
        const value = this[reducer.aggregate](reducer);
        found.set(reducer.column, value === null ? null : this.type("profile", reducer.column).write(value));
      }
    }
    this.result = Object.fromEntries(found);
  }

  type(table, name) {
    this.types[table][name] ??= columnType(this.binding[`${table}_columns`][name]);
    return this.types[table][name];
  }

  /** A value of a row as its type holds it; null where it is NULL. */
  value(table, row, name, place) {
    const given = isObject(row) && has(row, name) ? row[name] : undefined;
    const column = `column "${name}" of ${place}`;
    const isNull = given === null && this.binding[`${table}_columns`][name].not_null && table === "event";
    if (given === undefined || isNull) {
      const what = isNull ? "is null, and the table's holds no NULL" : "is not there, and events are reduced by it";
      throw new PgscoreError(`${column} ${what}`, "Give it as it stands in the database.", isNull ? "23502" : "42703");
    }
    if (given === null) return null;
    const type = this.type(table, name);
    return type.read(given) ?? refuseValue(`${column} is of type ${type.type}, and ${jsonText(given)} is no value of it`);
  }

  /** Whether an event is one of this profile's. */
  isOwn({ row, place }) {
    const { event_key: keys, profile_key: profileKeys } = this.binding;
    if (!keys.some((name) => isObject(row) && has(row, name))) return true;
    return keys
      .map((name, n) => [
        this.value("event", row, name, place),
        this.value("profile", this.profile, profileKeys[n], "the profile"),
        this.type("event", name),
      ])
      .every(([its, own, type]) => its !== null && own !== null && type.order(its, own) === 0);
  }

  /** The profile's value. */
  present(reducer) {
    const { column, aggregate } = reducer;
    const found = this.value("profile", this.profile, column, "the profile");
    if (found === null && ["count", "sum", "distinct"].includes(aggregate)) {
      refuseValue(`column "${column}" of the profile is null, and a ${aggregate} is a number`);
    }
    return found;
  }

  /** A type whose order is known, or, where that is enough, whose values can be told apart. */
  ordered(reducer, table, name, trait = "hasOrder") {
    const type = this.type(table, name);
    return type[trait] ? type : refuseReducing(reducer, `the order of "${name}", a ${type.type}, is known to the database alone`);
  }

  /** The events that the filter of a reducer takes. */
  taken(reducer) {
    const filters = Object.entries(reducer.where ?? {}).map(([name, text]) => {
      if (text === null) return ({ values }) => values.get(name) === null;
      const type = this.ordered(reducer, "event", name, "isToldApart");
      const wanted = type.read(text, true) ?? refuseValue(`"${name}" of ${type.type} is filtered by ${jsonText(text)}`);
      return ({ values }) => values.get(name) !== null && type.order(values.get(name), wanted) === 0;
    });
    return this.events.filter((event) => filters.every((holds) => holds(event)));
  }

  /** What they bring to it; NULLs are left out. */
  values(reducer) {
    return this.taken(reducer).map(({ values }) => values.get(reducer.of)).filter((value) => value !== null);
  }

  /** Whether it is known that no event was there that its filter takes. */
  wasEmpty(reducer) {
    return this.binding.reducers.some(
      (each) =>
        each.aggregate === "count" &&
        !each.deletes &&
        (haveOneWhere(each, {}) || haveOneWhere(each, reducer)) &&
        has(this.profile, each.column) &&
        this.present(each).n === 0n,
    );
  }

  /** Another reducer of the binding that sees the same events. */
  beside(reducer, aggregate, of, by) {
    return this.binding.reducers.find(
      (each) =>
        each.aggregate === aggregate && each.of === of && each.order_by === by && !each.deletes && haveOneWhere(each, reducer),
    );
  }

  held(reducer, value) {
    const type = this.type("profile", reducer.column);
    const found = type.fits ? type.fits(value) : value;
    return found ?? refuseValue(`the ${reducer.aggregate} "${reducer.column}" is past what ${type.type} holds`);
  }

  finite({ aggregate, column }, found, given) {
    const isPast = Math.abs(found) === Infinity && given.every(Number.isFinite);
    return isPast ? refuseValue(`the ${aggregate} "${column}" is past the largest double`) : found;
  }

  isFloat(name) {
    return this.type("event", name).order !== exactOrder;
  }

  count(reducer) {
    return this.held(reducer, exactSum(this.present(reducer), { n: BigInt(this.taken(reducer).length), scale: 0 }));
  }

  /** One after the other: each event might be the one that no longer fits. */
  sum(reducer) {
    const add = this.isFloat(reducer.of)
      ? (total, value) => this.finite(reducer, total + value, [total, value])
      : (total, value) => this.held(reducer, exactSum(total, value));
    return this.values(reducer).reduce(add, this.present(reducer));
  }

  min(reducer, sign = 1) {
    const values = this.values(reducer).map((value) => this.held(reducer, value));
    const former = this.present(reducer);
    if (values.length === 0) return former;
    const type = this.ordered(reducer, "profile", reducer.column);
    return values.reduce((best, each) => (best === null || sign * type.order(each, best) < 0 ? each : best), former);
  }

  max(reducer) {
    return this.min(reducer, -1);
  }

  distinct(reducer) {
    const [former, values] = [this.present(reducer), this.values(reducer)];
    if (values.length === 0) return former;
    if (!this.wasEmpty(reducer)) refuseReducing(reducer, "which values there were is not in it");
    const type = this.ordered(reducer, "event", reducer.of, "isToldApart");
    const different = new Set(values.map((each) => (each.scale === undefined ? each : exactText(shortened(each)))));
    return type && { n: BigInt(different.size), scale: 0 };
  }

  avg(reducer) {
    const [former, values, { of }] = [this.present(reducer), this.values(reducer), reducer];
    if (values.length === 0) return former;
    const wasEmpty = this.wasEmpty(reducer);
    if (this.isFloat(of)) {
      if (!wasEmpty || values.length > 2) refuseReducing(reducer, "it is a sum of floats over the events as they stand");
      return this.finite(reducer, sum(values), values) / values.length;
    }
    if (wasEmpty) return exactQuotient(values.reduce(exactSum), { n: BigInt(values.length), scale: 0 });
    const [total, count] = [this.beside(reducer, "sum", of), this.beside(reducer, "count")];
    if (!total || !count || !this.binding.event_columns[of].not_null) {
      refuseReducing(reducer, `it takes a sum of "${of}", which is never NULL, and a count, both with the same filter`);
    }
    const [above, below] = [this.sum(total), this.count(count)];
    const found = exactQuotient(above, below);
    // Zeros at the end of a sum may be of events that have gone.
    if (found.scale > exactQuotient(shortened(above), below).scale) refuseReducing(reducer, "its sum has too many digits");
    return found;
  }

  last(reducer) {
    const { of, order_by: by } = reducer;
    const taken = this.taken(reducer);
    const former = this.present(reducer);
    if (taken.length === 0) return former;
    const type = this.ordered(reducer, "event", by);
    // NULL comes before all others.
    const inOrder = (one, other) => (one === null || other === null ? (other === null) - (one === null) : type.order(one, other));
    const times = taken.map(({ values }) => values.get(by));
    const latest = times.reduce((best, each) => (inOrder(each, best) > 0 ? each : best));
    const equals = taken.filter((_, n) => inOrder(times[n], latest) === 0);
    const byKey = (one, other) => {
      if (!one.key || !other.key) refuseReducing(reducer, "two events are the last at one time, and the primary key decides");
      const different = this.binding.primary_key
        .map((name, n) => this.ordered(reducer, "event", name).order(one.key[n], other.key[n]))
        .find((each) => each !== 0);
      return different ?? 0;
    };
    const found = equals.reduce((best, each) => (byKey(each, best) > 0 ? each : best));
    const value = found.values.get(of);
    if (this.wasEmpty(reducer)) return value;
    const max = this.beside(reducer, "max", by);
    if (!max) refuseReducing(reducer, `it takes a max of "${by}" with the same filter`);
    const time = this.present(max);
    if (latest === null && time === null) refuseReducing(reducer, `"${by}" is NULL in the event, and was in all before`);
    const later = inOrder(latest, time);
    if (later === 0) {
      const lasts = this.binding.primary_key.map((name) => this.beside(reducer, "last", name, by));
      if (lasts.includes(undefined)) refuseReducing(reducer, "two events are the last at one time, and no last has the key");
      return byKey(found, { key: lasts.map((each) => this.present(each)) }) > 0 ? value : former;
    }
    return later > 0 ? value : former;
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Bundles.

const LINEAR = 1e-12;
const MOST_TOLERANCE = 1e-2;
const doubleOf = (found) => (found === null ? null : Number(found));

/** How far apart two scores are; infinitely, where one is there and the other is not. */
function distance(one, other) {
  if (one === other) return 0;
  return one === null || !Number.isFinite(one - other) || other === null ? Infinity : Math.abs(one - other);
}

/** A version of a model. `load` gives one that is checked. */
export class Bundle {
  #program;
  #contract;
  #document;
  #explainer = null;
  #bulk = null;

  /**
   * Reads a bundle, whose golden rows and seal are not looked at.
   * @param {object} document as `pgscore bundle` writes it.
   */
  constructor(document) {
    if (!isObject(document) || document.bundle !== 1) {
      throw new PgscoreError("this is no bundle of format 1", "`pgscore bundle` writes one.");
    }
    this.#document = document;
    this.#contract = document.contract;
    this.#program = new Program(document.program);
    const { inputs, output } = this.#contract ?? {};
    const alike = (one, n) => ["name", "type", "nullable"].every((each) => one[each] === inputs[n]?.[each]);
    want(Array.isArray(inputs) && inputs.length === this.#program.inputs.length, "inputs", "are not the contract's");
    want(this.#program.inputs.every(alike), "inputs", "are not the contract's");
    const isValue = choice(output?.kind, "the contract's output", ["probability", "indicator", "value"]) === "value";
    const outputs = isValue ? 1 : items(output.classes, "the contract's classes").length;
    want(this.#program.width === outputs, "link", "gives other outputs than the contract says");
    this.positive = isValue ? 0 : integer(output.positive, "the contract's positive class", 0, outputs - 1);
    want(isValue || document.labels?.length === outputs, "labels", "are not those of the contract's classes");
    const { tolerance } = this.#contract;
    want((tolerance ?? null) === null || (tolerance >= LINEAR && tolerance <= MOST_TOLERANCE), "tolerance");
  }

  get model() {
    return this.#document.model;
  }

  get version() {
    return this.#document.version;
  }

  /** The contract's inputs: name, type and nullable of each. */
  get inputs() {
    return this.#contract.inputs;
  }

  /** As Program.run, of a row as JSON. */
  #run(row) {
    const { inputs, numbers, texts } = this.#program;
    for (let n = 0; n < inputs.length; n += 1) {
      if (inputs[n].isText) texts[n] = payloadInput(row, inputs[n]);
      else numbers[n] = payloadInput(row, inputs[n]);
    }
    return this.#program.run();
  }

  /** One output for each class, or one for a value, NaN where it is no number; null where the row has no score. */
  outputs(row) {
    return this.#run(row) === null ? this.#program.outputs() : null;
  }

  /** The score of a row; null where an input is missing that must not be, where it is refused, and where it is NaN. */
  score(row) {
    const score = this.outputs(row)?.[this.positive] ?? null;
    return Number.isNaN(score) ? null : score;
  }

  /** Why a row is refused; null where it is not, or where an input is missing. */
  reason(row) {
    return this.#run(row) ?? null;
  }

  /** What pgscore.predict answers: version, label and probabilities of the classes, or version and value; or null. */
  predict(row) {
    const outputs = this.outputs(row);
    const label = outputs && this.#program.label(outputs);
    if (label === null || outputs.some(Number.isNaN)) return null;
    const { kind, classes } = this.#contract.output;
    if (kind === "value") return { version: this.version, value: outputs[0] };
    const { labels } = this.#document;
    // A double may not hold it.
    const isLarge = typeof classes[label] === "number" && /^-?\d{16,}$/.test(labels[label]);
    const answer = { version: this.version, label: isLarge ? BigInt(labels[label]) : classes[label] };
    if (kind === "indicator") return answer;
    return { ...answer, probabilities: Object.fromEntries(labels.map((each, n) => [each, outputs[n]])) };
  }

  /**
   * What pgscore.explain answers: the base, whose input is null, and what each input adds to it in the space of the
   * link, the strongest first; an empty list where there is no score.
   */
  explain(row) {
    try {
      this.#explainer ??= new Explainer(this.#program, this.positive);
    } catch (error) {
      throw new PgscoreError(`${this.#name} cannot be explained: ${error.message}`, error.hint, error.code);
    }
    if (this.score(row) === null) return [];
    const found = this.#explainer.contributions().map((contribution, n) => {
      const input = this.inputs[n].name;
      return { input, value: plainText(row[input]), contribution };
    });
    // NaN is before all numbers.
    const size = ({ contribution }) => (Number.isNaN(contribution) ? Infinity : Math.abs(contribution));
    found.sort((a, b) => (size(a) === size(b) ? 0 : size(b) - size(a)));
    return [{ input: null, value: null, contribution: this.#explainer.base }, ...found];
  }

  get #name() {
    return `model "${this.model}" version ${this.version}`;
  }

  /**
   * What the triggers of a binding would make of a profile: the profile as these inserted events leave it.
   * @param {object} profile the row, of which the columns that reducers move and, where events have keys, its key.
   * @param {object[]} events rows of the event table, one after the other.
   * @param {{binding?: string, columns?: string[]}} options `binding`: its name, where there are several; `columns`: those
   *   that are wanted of what it moves, the others are left out.
   * @throws {PgscoreError} a value cannot be known without the events that were before.
   */
  reduce(profile, events, { binding, columns } = {}) {
    const bindings = this.#document.bindings ?? [];
    const found = binding === undefined && bindings.length === 1 ? bindings : bindings.filter(({ name }) => name === binding);
    if (found.length !== 1) {
      const names = bindings.map(({ name }) => name).join(", ") || "none: `pgscore bundle --binding` takes one in";
      throw new PgscoreError("reducing wants the name of one binding of the bundle", `It has ${names}.`);
    }
    return new Reducing(found[0], profile, events, columns).result;
  }

  /**
   * Replays the golden rows.
   * @throws {PgscoreError} one has another score, or another output, than the fitted estimator gave.
   */
  check() {
    const { tolerance, output } = this.#contract;
    items(this.#document.golden, "golden", 1).forEach(({ inputs, expected, outputs, scale }, n) => {
      const score = this.score(inputs);
      const wanted = doubleOf(expected);
      const differences = [distance(wanted, score)];
      if (outputs) {
        const found = this.outputs(inputs) ?? [];
        const label = this.#program.label(found);
        const all = { probability: [...found, label], indicator: [label], value: found }[output.kind];
        if (all.length !== outputs.length) differences.push(Infinity);
        outputs.forEach((each, m) => differences.push(distance(doubleOf(each), all[m] ?? null)));
      }
      const difference = Math.max(...differences);
      if (difference > 0 && !(difference <= (tolerance ?? LINEAR) * Math.max(1, Math.abs(wanted), scale))) {
        const what = `golden row ${n + 1} of ${this.#name} has the score ${score} here, and the fitted estimator gave ${wanted}`;
        throw new PgscoreError(
          difference < Infinity && score === wanted ? `${what}, and other outputs` : what,
          "The bundle was changed, or this browser computes otherwise: its scores are not to be used.",
          "XX001",
        );
      }
    });
  }

  /**
   * Scores many rows in a worker, so that the page goes on.
   * @param {object[]} rows as `score` takes them.
   * @param {string | URL} module where the worker finds this module, where that is not where it was loaded from.
   * @returns {Promise<(number | null)[]>} a score for each row, or null.
   */
  async scoreMany(rows, module = import.meta.url) {
    this.#bulk ??= startWorker(module, this.#document);
    const ask = await this.#bulk;
    const parts = [];
    for (let start = 0; start < rows.length; start += CHUNK) {
      const asked = ask(rows.slice(start, start + CHUNK), start);
      // Whoever waits for all of them hears of it.
      asked.catch(() => {});
      parts.push(asked);
      // The next ones are copied while the worker is busy, and no more than that.
      if (parts.length > 1) await parts[parts.length - 2];
    }
    return (await Promise.all(parts)).flat();
  }

  /** Ends the worker, if there is one. */
  async close() {
    const bulk = this.#bulk;
    this.#bulk = null;
    (await bulk)?.end();
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Loading.

/** The canonical text of a JSON document, as RFC 8785 has it. */
function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical)}]`;
  if (!isObject(value)) return JSON.stringify(value);
  return `{${Object.keys(value).sort().map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`)}}`;
}

const hexText = (bytes) => Array.from(bytes, (each) => each.toString(16).padStart(2, "0")).join("");
const hexBytes = (digits) => Uint8Array.from(String(digits).match(/../g) ?? [], (each) => parseInt(each, 16));

/** WebCrypto, which node 18 has in a module. */
async function subtle() {
  const { crypto } = globalThis;
  if (crypto?.subtle) return crypto.subtle;
  if (IS_NODE) return (await nodeModule("crypto")).webcrypto.subtle;
  throw new PgscoreError(
    "there is no WebCrypto here to check the bundle with", "Browsers have it on pages from https and from localhost.", "42501",
  );
}

/** Holds that a bundle has the SHA-256 that it names, and, where keys are given, the signature of one of them. */
async function checkSeal(document, keys) {
  const { sha256, signature, ...stated } = document;
  const digest = async (bytes) => hexText(new Uint8Array(await (await subtle()).digest("SHA-256", bytes)));
  if ((await digest(new TextEncoder().encode(canonical(stated)))) !== sha256) {
    throw new PgscoreError("the bundle is not what its SHA-256 says: it was changed", "Fetch it again.", "XX001");
  }
  if (keys.length === 0) return;
  const hint = "`pgscore bundle --key` signs one.";
  if (!isObject(signature)) throw new PgscoreError("the bundle carries no signature, and one is wanted", hint, "42501");
  for (const pem of keys) {
    const spki = Uint8Array.from(atob(String(pem).replace(/-----[^-]*-----|\s/g, "")), (each) => each.charCodeAt(0));
    if ((await digest(spki.slice(-32))).slice(0, 16) !== signature.key_id) continue;
    const key = await (await subtle()).importKey("spki", spki, { name: "Ed25519" }, false, ["verify"]);
    const message = new TextEncoder().encode(`pgscore bundle 1\n${sha256}`);
    if (await (await subtle()).verify({ name: "Ed25519" }, key, hexBytes(signature.value), message)) return;
    throw new PgscoreError(`the signature of key ${signature.key_id} does not cover this bundle`, "Fetch it again.", "42501");
  }
  throw new PgscoreError(`the bundle is signed with key ${signature.key_id}, which is not trusted here`, hint, "42501");
}

async function fetched(source) {
  if (IS_NODE && String(source).startsWith("file:")) {
    const { readFile } = await nodeModule("fs/promises");
    return readFile(new URL(source), "utf8");
  }
  const response = await fetch(source);
  if (!response.ok) throw new Error(`status ${response.status}`);
  return response.text();
}

async function read(source) {
  if (typeof source === "object" && !(source instanceof URL)) return source;
  let what = "cannot be fetched";
  try {
    const text = String(source).trimStart().startsWith("{") ? source : await fetched(source);
    what = "is no JSON";
    return JSON.parse(text);
  } catch (error) {
    throw new PgscoreError(`the bundle ${what}: ${error.message}`, "`pgscore bundle` writes one.");
  }
}

/**
 * Loads a bundle: checks its SHA-256 and its program, and replays its golden rows.
 * @param {string | URL | object} source where it is, or its text, or what JSON.parse made of that.
 * @param {{key?: string | string[]}} options `key`: public keys in PEM; the bundle has to be signed with one of them.
 * @returns {Promise<Bundle>} the version, ready to score.
 * @throws {PgscoreError} something is not as it should be.
 */
export async function load(source, { key = [] } = {}) {
  const document = await read(source);
  try {
    const bundle = new Bundle(document);
    await checkSeal(document, [key].flat());
    bundle.check();
    return bundle;
  } catch (error) {
    if (error instanceof PgscoreError) throw error;
    throw new PgscoreError(`the bundle is malformed: ${error.message}`, "`pgscore bundle` writes it again.");
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Bulk: this module once more, in a Web Worker or in one of node's worker threads.

const WORKER = "pgscore bulk";
const CHUNK = 2000;

/** Starts a worker; gives a function that asks it for scores. */
async function startWorker(module, document) {
  const threads = IS_NODE && (await nodeModule("worker_threads"));
  const worker = threads
    ? new threads.Worker(new URL(module), { workerData: WORKER })
    : new Worker(module, { type: "module", name: WORKER });
  const waiting = [];
  let failure = null;
  const fail = (error) => {
    failure = error;
    waiting.splice(0).forEach(({ reject }) => reject(error));
  };
  const answer = ({ scores, error }) => {
    const { resolve, reject } = waiting.shift();
    // Nobody is kept waiting by a worker that has nothing to do.
    if (waiting.length === 0) worker.unref?.();
    if (error) reject(new PgscoreError(...error));
    else resolve(scores);
  };
  if (threads) worker.on("message", answer).on("error", fail);
  else {
    worker.onmessage = ({ data }) => answer(data);
    worker.onerror = () => fail(new PgscoreError("the worker cannot be started", "A Content-Security-Policy may forbid it."));
  }
  const ask = (rows, start) =>
    new Promise((resolve, reject) => {
      if (failure) throw failure;
      waiting.push({ resolve, reject });
      worker.ref?.();
      worker.postMessage({ rows, start });
    });
  ask.end = () => {
    fail(new PgscoreError("the worker was ended"));
    return worker.terminate();
  };
  worker.postMessage({ document });
  return ask;
}

/** What a worker does: it is given the document once, and then rows. */
function serve(listen, post) {
  let bundle;
  listen(({ document, rows, start }) => {
    if (document) {
      bundle = new Bundle(document);
      return;
    }
    let n = 0;
    try {
      const scores = [];
      for (; n < rows.length; n += 1) scores.push(bundle.score(rows[n]));
      post({ scores });
    } catch (error) {
      post({ error: [`row ${start + n}: ${error.message}`, error.hint, error.code] });
    }
  });
}

if (IS_NODE) {
  nodeModule("worker_threads").then(({ workerData, parentPort }) => {
    if (workerData === WORKER) serve((take) => parentPort.on("message", take), (made) => parentPort.postMessage(made));
  });
} else if (globalThis.name === WORKER && typeof WorkerGlobalScope === "function") {
  serve((take) => (globalThis.onmessage = ({ data }) => take(data)), (made) => globalThis.postMessage(made));
}
