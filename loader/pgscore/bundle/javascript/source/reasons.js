// Reasons: what each input adds to a score, in the space of the link. A score is taken apart from its end, down to
// registers that are made of one input alone; trees by TreeSHAP, as Lundberg, Erion and Lee define it by covers.
import { PgscoreError } from "./errors.js";
import { carefulSum, sum } from "./functions.js";
import { goesLeft } from "./trees.js";

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
export class Explainer {
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
