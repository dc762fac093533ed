/** A value as JSON has it; for integers beyond 2^53 a BigInt. */
export type Value = number | string | boolean | bigint | null;

/**
 * A row: an object with each input of the model by its name, `null` where it is missing. Numbers may also be one of the texts
 * "NaN", "Infinity", "-Infinity". What else it has does not matter.
 */
export type Row = { readonly [name: string]: unknown };

/** An input of the model. */
export interface Input {
  readonly name: string;
  readonly type: "double precision" | "text" | "boolean";
  /** Whether the model accepts a missing value. */
  readonly nullable: boolean;
}

/** What a model says of a row: of classes the label, and where the model gives them probabilities; else a value. */
export interface Prediction {
  readonly version: number;
  readonly label?: string | number | boolean | bigint;
  /** By the classes' texts. */
  readonly probabilities?: { readonly [label: string]: number };
  readonly value?: number;
}

/** What an input adds to a score, in the space of the model's link (log-odds, log, the value itself). */
export interface Contribution {
  /** `null`: the base, which is the same for all rows. */
  readonly input: string | null;
  /** What the row has there, as text. */
  readonly value: string | null;
  readonly contribution: number;
}

export interface LoadOptions {
  /** Public keys in PEM: the bundle has to be signed with one of them. */
  readonly key?: string | readonly string[];
}

export interface ReduceOptions {
  /** The name of the binding, where the bundle has several. */
  readonly binding?: string;
  /** Which of the columns that it moves are wanted; the others are left out. */
  readonly columns?: readonly string[];
}

/** What is refused: one sentence, and what to do. */
export class PgscoreError extends Error {
  constructor(message: string, hint?: string, code?: string);
  readonly name: "PgscoreError";
  /** What to do about it, or "". */
  readonly hint: string;
  /** The SQLSTATE that PostgreSQL has for such an error. */
  readonly code: string;
}

/** A version of a model. `load` gives one that is checked. */
export class Bundle {
  /** Reads the document that a bundle is. Neither its SHA-256 nor its golden rows are looked at. */
  constructor(document: object);
  readonly model: string;
  readonly version: number;
  readonly inputs: readonly Input[];
  /** The position of the score among the outputs. */
  readonly positive: number;
  /**
   * The score of a row, as `pgscore.score` gives it; `null` where an input is missing that must not be, where the row is refused,
   * and where the score is no number.
   */
  score(row: Row): number | null;
  /** Why a row is refused; `null` where it is not, or where an input is missing. */
  reason(row: Row): string | null;
  /** One output for each class, or one for a value, NaN where it is no number; `null` where the row has no score. */
  outputs(row: Row): number[] | null;
  /** What `pgscore.predict` says; `null` where there is no score. */
  predict(row: Row): Prediction | null;
  /** The base, and what each input adds to it, the strongest first; an empty list where there is no score. */
  explain(row: Row): Contribution[];
  /**
   * The profile as the triggers of a binding would leave it after these events. Refuses what the profile alone does not tell.
   * docs/guide/reduce.md says how values are given and come back.
   */
  reduce<Profile extends Row>(
    profile: Profile,
    events: readonly Row[],
    options?: ReduceOptions,
  ): { [Name in keyof Profile]: Profile[Name] | Value };
  /**
   * Scores rows in a worker, so that the page goes on.
   * @param module where the worker finds this module, if not where it was loaded from: a bundler may have moved it.
   */
  scoreMany(rows: readonly Row[], module?: string | URL): Promise<(number | null)[]>;
  /** Replays the golden rows, which `load` has done already. */
  check(): void;
  /** Ends the worker, if there is one. */
  close(): Promise<void>;
}

/**
 * Loads a bundle: checks its SHA-256, its program, the signature where keys are given, and replays its golden rows.
 * @param source where it is; or its text; or the document itself.
 */
export function load(source: string | URL | object, options?: LoadOptions): Promise<Bundle>;
