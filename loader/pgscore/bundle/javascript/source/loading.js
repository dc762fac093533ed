// From a URL, a text or a document to a bundle that is checked.
import { IS_NODE, nodeModule } from "./platform.js";
import { PgscoreError } from "./errors.js";
import { Bundle } from "./bundle.js";
import { checkSeal } from "./seal.js";

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
