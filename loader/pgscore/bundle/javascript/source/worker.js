// Bulk: this module once more, in a Web Worker or in one of node's worker threads.
import { IS_NODE, nodeModule } from "./platform.js";
import { PgscoreError } from "./errors.js";

export const WORKER = "pgscore bulk";
export const CHUNK = 2000;

/** Starts a worker; gives a function that asks it for scores. `gone` is called when it has failed, or cannot be started. */
export async function startWorker(module, document, gone) {
  try {
    return await started(module, document, gone);
  } catch (error) {
    gone();
    throw error;
  }
}

async function started(module, document, gone) {
  const threads = IS_NODE && (await nodeModule("worker_threads"));
  const worker = threads
    ? new threads.Worker(new URL(module), { workerData: WORKER })
    : new Worker(module, { type: "module", name: WORKER });
  const waiting = [];
  let failure = null;
  const fail = (error) => {
    failure = error;
    gone();
    waiting.splice(0).forEach(({ reject }) => reject(error));
  };
  const answer = ({ scores, error }) => {
    const { resolve, reject } = waiting.shift();
    // Nobody is kept waiting by a worker that has nothing to do.
    if (waiting.length === 0) worker.unref?.();
    if (error) reject(new PgscoreError(...error));
    else resolve(scores);
  };
  if (threads) worker.on("message", answer).on("error", fail);
  else {
    worker.onmessage = ({ data }) => answer(data);
    worker.onerror = () => fail(new PgscoreError("the worker cannot be started", "A Content-Security-Policy may forbid it."));
  }
  const ask = (rows, start) =>
    new Promise((resolve, reject) => {
      if (failure) throw failure;
      try {
        worker.postMessage({ rows, start });
      } catch (error) {
        // Nobody waits for it then: answers come in the order of those who do.
        throw new PgscoreError(`rows from ${start} on cannot be copied to the worker: ${error.message}`);
      }
      waiting.push({ resolve, reject });
      worker.ref?.();
    });
  ask.end = () => {
    fail(new PgscoreError("the worker was ended"));
    return worker.terminate();
  };
  worker.postMessage({ document });
  return ask;
}
