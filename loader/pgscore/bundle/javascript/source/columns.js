// Values of columns, as docs/guide/reduce.md says that they are read, ordered and given back. A type's `read` gives what
// its other functions take, and undefined for what is no value of it; `isWritten`: as PostgreSQL writes it.
import { NO_TEXT, has, isBefore, order } from "./texts.js";
import { want } from "./checks.js";
import { INFINITE, MOST_WHOLE, exactOf, exactOrder, exactText, power, scaled, size } from "./exact.js";

const ENDS = { infinity: Infinity, "-infinity": -Infinity };
const RANGES = { smallint: 1n << 15n, integer: 1n << 31n, bigint: 1n << 63n };
const MOST_LENGTH = 10_485_760;
const MOST_PRECISION = 1000;
const TIME =
  /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?(Z|([-+])(\d\d)(?::?(\d\d))?)?)?$/;
const UUID = /^[\da-f]{8}(-?)[\da-f]{4}\1[\da-f]{4}\1[\da-f]{4}\1[\da-f]{12}$/i;

const isNumber = (value) => typeof value === "number" || typeof value === "bigint";
const textOrder = (a, b) => (a === b ? 0 : isBefore(a, b) ? -1 : 1);

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
export function columnType({ type, labels, collation }) {
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
        read(value) {
          if (typeof value !== "string" || !UUID.test(value)) return undefined;
          return value.toLowerCase().replace(/-/g, "").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
        },
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
