/**
 * Evaluates a version of a model outside the database, out of the bundle that `pgscore bundle` writes: the same scores,
 * labels and reasons as pgscore.score, pgscore.predict and pgscore.explain give for a row as JSON.
 *
 * One ES module without dependencies. It makes no source code while it runs, so a Content-Security-Policy may forbid
 * that. Browsers from 2022 on, and node from 18 on.
 *
 * A bundle is data that nobody vouches for: everything in it is checked before it is walked, as the database does.
 */
import { serveInWorker } from "./serving.js";

export { Bundle } from "./bundle.js";
export { PgscoreError } from "./errors.js";
export { load } from "./loading.js";

serveInWorker();
