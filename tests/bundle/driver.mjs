// Answers lines of JSON about bundles: tests/bundle/node.py asks. Arguments: the module.
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

// The functions that the C library and V8 compute otherwise in the last bits give what the asker's gave, where it says so.
const given = new Map();
for (const name of ["exp", "log", "log10", "tanh", "sin", "cos"]) {
  const own = Math[name];
  Math[name] = (x) => given.get(name)?.get(x) ?? own(x);
}
const { Bundle, load, ...others } = await import(pathToFileURL(process.argv[2]));

const SPECIAL = { NaN: NaN, Infinity: Infinity, "-Infinity": -Infinity, "-0": -0 };
const encode = (value) =>
  typeof value === "number" && (!Number.isFinite(value) || Object.is(value, -0))
    ? { double: Object.keys(SPECIAL).find((name) => Object.is(SPECIAL[name], value)) }
    : typeof value === "bigint"
      ? { integer: String(value) }
    : Array.isArray(value)
      ? value.map(encode)
      : typeof value === "object" && value !== null
        ? Object.fromEntries(Object.entries(value).map(([name, each]) => [name, encode(each)]))
        : value;

let bundle = null;
const COMMANDS = {
  /** Math's own functions of some numbers. */
  calls: ({ name, values }) => values.map((x) => Math[name](x)),
  /** What exp and its like are to give from now on: lists of pairs by name. */
  give({ functions }) {
    given.clear();
    for (const [name, pairs] of Object.entries(functions)) given.set(name, new Map(pairs));
  },
  open({ document }) {
    bundle = new Bundle(document);
  },
  async load({ source, key }) {
    bundle = await load(source, key ? { key } : {});
    return [bundle.model, bundle.version];
  },
  /** What a method of the bundle gives for each row, or its JSON: its value, or what it refuses. */
  rows: ({ method, rows }) =>
    rows.map((row) => attempt(() => bundle[method](typeof row === "string" ? JSON.parse(row) : row))),
  many: ({ rows, module }) => bundle.scoreMany(rows, ...(module ? [module] : [])),
  /** The same while a row is asked for that no worker can be given. */
  async manyBeside({ rows }) {
    const wrong = bundle.scoreMany([...rows, { greet: () => "hello" }]).catch(refusal);
    return [await bundle.scoreMany(rows), await wrong, await bundle.scoreMany(rows)];
  },
  /** The same, after a worker could not be started. */
  async manyAfter({ rows, module }) {
    await bundle.scoreMany(rows, module).catch(() => {});
    return bundle.scoreMany(rows);
  },
  close: () => bundle.close(),
  /** The same for each column alone. */
  reduceEach: ({ profile, events, columns }) =>
    columns.map((each) => attempt(() => bundle.reduce(profile, events, { columns: [each] }))),
  reduce: ({ given: list }) => bundle.reduce(...list),
  exports: () => ["Bundle", "load", ...Object.keys(others)],
};

function refusal(error) {
  if (error.name !== "PgscoreError") throw error;
  return { refused: error.message, hint: error.hint, code: error.code };
}

function attempt(call) {
  try {
    return { value: call() };
  } catch (error) {
    return refusal(error);
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const { command, ...asked } = JSON.parse(line);
  let answer;
  try {
    answer = { value: (await COMMANDS[command](asked)) ?? null };
  } catch (error) {
    answer = error.name === "PgscoreError" ? refusal(error) : { failed: error.stack };
  }
  process.stdout.write(`${JSON.stringify(encode(answer))}\n`);
}
