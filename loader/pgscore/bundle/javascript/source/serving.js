// Bulk, the other side: what this module does in a worker.
import { Bundle } from "./bundle.js";
import { IS_NODE, nodeModule } from "./platform.js";
import { WORKER } from "./worker.js";

/** What a worker does: it is given the document once, and then rows. */
function serve(listen, post) {
  let bundle;
  listen(({ document, rows, start }) => {
    if (document) {
      bundle = new Bundle(document);
      return;
    }
    let n = 0;
    try {
      const scores = [];
      for (; n < rows.length; n += 1) scores.push(bundle.score(rows[n]));
      post({ scores });
    } catch (error) {
      post({ error: [`row ${start + n}: ${error.message}`, error.hint, error.code] });
    }
  });
}

/** Begins it, where this module was loaded by a worker that startWorker has made. */
export function serveInWorker() {
  if (IS_NODE) {
    nodeModule("worker_threads").then(({ workerData, parentPort }) => {
      if (workerData === WORKER) serve((take) => parentPort.on("message", take), (made) => parentPort.postMessage(made));
    });
  } else if (globalThis.name === WORKER && typeof WorkerGlobalScope === "function") {
    serve((take) => (globalThis.onmessage = ({ data }) => take(data)), (made) => globalThis.postMessage(made));
  }
}
