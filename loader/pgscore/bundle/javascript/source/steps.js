// Steps: each is read to `run(numbers, texts, at)`, which puts what it computes behind the registers that are there.
// A register's number stands in `numbers`, NaN where it is missing; its text in `texts`, null where it is missing.
import { has, isMissing, order } from "./texts.js";
import { bounds, choice, fields, integer, items, members, number, numberOrNaN, numbers, rows, text, want } from "./checks.js";
import { FUNCTIONS, LINKS, MOST_SCORES, OF_ONE_SCORE, quotient, readLink, sum } from "./functions.js";
import { readTrees, walker } from "./trees.js";

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
export const STEPS = {
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
