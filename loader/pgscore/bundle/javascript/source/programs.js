// Programs: docs/program.md says what their parts mean.
import { floatText, has, isMissing, shown } from "./texts.js";
import { Scope, bounds, choice, fields, flag, items, members, text, want } from "./checks.js";
import { LINKS, OF_ONE_SCORE, readLink } from "./functions.js";
import { STEPS } from "./steps.js";

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
export class Program {
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
