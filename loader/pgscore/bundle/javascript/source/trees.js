// Ensembles of trees, as arrays.
import { has, isMissing } from "./texts.js";
import { choice, fields, integers, items, members, number, numberOrNaN, numbers, want } from "./checks.js";
import { MOST_SCORES } from "./functions.js";

const MOST_DEPTH = 1000;

/** An ensemble of trees: reads its arrays, and proves that they are trees. */
export function readTrees(found, place, scope, of) {
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
export function goesLeft(trees, node, numbers, texts) {
  const register = trees.register[node];
  const value = trees.isText[node] ? texts[register] : numbers[register];
  if (isMissing(value)) return trees.missingLeft[node] === 1;
  return trees.set[node] === -1 ? value <= trees.threshold[node] : trees.sets[trees.set[node]].has(value);
}

export function walker(trees) {
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
