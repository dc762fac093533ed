// Bundles.
import { PgscoreError } from "./errors.js";
import { isObject } from "./texts.js";
import { choice, integer, items, want } from "./checks.js";
import { Program } from "./programs.js";
import { Explainer } from "./reasons.js";
import { payloadInput, plainText } from "./rows.js";
import { Reducing } from "./reducing.js";
import { CHUNK, startWorker } from "./worker.js";

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
    const bulk = (this.#bulk ??= startWorker(module, this.#document, () => {
      // The next call starts another one.
      if (this.#bulk === bulk) this.#bulk = null;
    }));
    const ask = await bulk;
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
