// Reducing events: what the triggers of a binding would make of a profile, where its row tells it.
import { PgscoreError } from "./errors.js";
import { has, isObject } from "./texts.js";
import { choice, items, want } from "./checks.js";
import { sum } from "./functions.js";
import { jsonText } from "./rows.js";
import { exactOrder, exactQuotient, exactSum, exactText, shortened } from "./exact.js";
import { columnType } from "./columns.js";
import { canonical } from "./canonical.js";

const haveOneWhere = (one, other) => canonical(one.where ?? {}) === canonical(other.where ?? {});

// Time alone changes it: then it says nothing about all events that there were.
const movesOn = ({ aggregate, time }) => time !== undefined || aggregate === "due";

function refuseValue(what) {
  throw new PgscoreError(what, "docs/guide/reduce.md says how values are given.", "22023");
}

function refuseReducing({ aggregate, column }, why) {
  const hint = "`columns` moves the others; the database looks it up in the events.";
  throw new PgscoreError(`the ${aggregate} "${column}" cannot be told from the profile alone: ${why}`, hint, "0A000");
}

const AGGREGATES = ["count", "sum", "min", "max", "last", "avg", "distinct", "due"];

export class Reducing {
  constructor(binding, profile, events, columns) {
    this.binding = binding;
    for (const { aggregate, column, of, order_by: by, time, where } of items(binding.reducers, "reducers")) {
      choice(aggregate, `aggregate of ${column}`, AGGREGATES);
      const names = { profile_columns: [column], event_columns: [of, by, time, ...Object.keys(where ?? {})] };
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
        if (movesOn(reducer)) {
          refuseReducing(reducer, "its window moves on with time, and which events have left it is not in the profile");
        }
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
        !movesOn(each) &&
        (haveOneWhere(each, {}) || haveOneWhere(each, reducer)) &&
        has(this.profile, each.column) &&
        this.present(each).n === 0n,
    );
  }

  /** Another reducer of the binding that sees the same events. */
  beside(reducer, aggregate, of, by) {
    return this.binding.reducers.find(
      (each) =>
        each.aggregate === aggregate &&
        each.of === of &&
        each.order_by === by &&
        !each.deletes &&
        !movesOn(each) &&
        haveOneWhere(each, reducer),
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
