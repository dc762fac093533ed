// A customer's profile, what happens to them, and the score that follows: all of it in this page.
import { load, PgscoreError } from "./pgscore.js";

const STORED = "pgscore-customer";
const SHOWN = 25;
const REASONS = 8;
// All has been loaded; but the worker is pgscore.js once more, and browsers read the manifest when they like.
const ONLY_HERE = "default-src 'none'; img-src data:; worker-src 'self'; manifest-src 'self'; form-action 'none'";
const COMPLAINTS = { billing: "billing", coverage: "coverage", hotline: "the hotline" };
// The dollars that a minute costs.
const CALLS = { day: ["by day", 0.17], eve: ["in the evening", 0.085], night: ["at night", 0.045], intl: ["abroad", 0.27] };

const element = (id) => document.getElementById(id);
const percent = (score) => `${(100 * score).toFixed(1)} %`;
const words = (name) => name.replaceAll("_", " ");

/** An element with a text and, where that is said, classes. */
function made(tag, text, className = "") {
  const found = document.createElement(tag);
  found.textContent = text;
  found.className = className;
  return found;
}

/** A score as a percentage, which has all digits as its value. */
function scored(score, id = "") {
  const found = made("data", score === null ? "no score" : percent(score));
  found.value = String(score);
  if (id) found.id = id;
  return found;
}

/** What the buttons stand for: rows of the tables that the bundle's bindings read. */
function eventOf(name) {
  if (Object.hasOwn(COMPLAINTS, name)) {
    return { binding: "churn.complaints", row: { kind: name }, said: `a complaint about ${COMPLAINTS[name]}` };
  }
  const [when, price] = CALLS[name];
  const row = { period: name, minutes: 20, charge: Number((20 * price).toFixed(2)) };
  return { binding: "churn.calls", row, said: `a call of 20 minutes ${when}` };
}

/** A customer and what has happened, as the browser keeps them; it may refuse to. */
function restored(customers) {
  try {
    const { customer, events } = JSON.parse(localStorage.getItem(STORED));
    const isKnown = (each) => Object.hasOwn({ ...COMPLAINTS, ...CALLS }, each);
    if (customers.has(customer) && events.every(isKnown)) return { customer, events };
  } catch {
    // Nothing was kept, or something else.
  }
  return { customer: customers.keys().next().value, events: [] };
}

function keep(state) {
  try {
    localStorage.setItem(STORED, JSON.stringify(state));
  } catch {
    // The page goes on without.
  }
}

/** Shows a customer; `state` says whose profile it is and what has happened, and nothing else is remembered. */
class View {
  constructor(bundle, customers) {
    this.bundle = bundle;
    this.customers = customers;
    this.state = restored(customers);
  }

  /** The profile as the database had it, and after each event, with the scores. */
  course() {
    const first = this.customers.get(this.state.customer);
    const found = [{ profile: first, score: this.bundle.score(first), said: "" }];
    for (const name of this.state.events) {
      const { binding, row, said } = eventOf(name);
      const profile = this.bundle.reduce(found.at(-1).profile, [row], { binding });
      found.push({ profile, score: this.bundle.score(profile), said });
    }
    return found;
  }

  show() {
    const course = this.course();
    const { profile } = course.at(-1);
    showScore(course);
    showHistory(course);
    showReasons(this.bundle.explain(profile).slice(1, 1 + REASONS));
    showProfile(profile, course[0].profile);
    element("customer").value = String(this.state.customer);
    for (const id of ["undo", "reset"]) element(id).disabled = this.state.events.length === 0;
    keep(this.state);
  }

  /** An event, unless the model's bindings refuse it. */
  happen(name) {
    const before = [...this.state.events];
    this.state.events.push(name);
    try {
      this.show();
    } catch (error) {
      this.state.events = before;
      element("change").textContent = error.message;
    }
  }

  /** Forgets the last events, or all of them. */
  forget(count) {
    const { activeElement } = document;
    this.state.events.splice(-count, count);
    this.show();
    // A button that can do nothing more loses the focus: it goes on to where events are made.
    if (activeElement.disabled) document.querySelector("[data-event]").focus();
  }

  choose(customer) {
    this.state = { customer, events: [] };
    this.show();
  }
}

function showScore(course) {
  const { score, said } = course.at(-1);
  const moved = score - (course.at(-2)?.score ?? score);
  const points = `${Math.abs(100 * moved).toFixed(1)} points`;
  // As far as it shows.
  const isSame = Math.abs(moved) < 0.0005;
  const by = isSame ? "the same" : `${moved > 0 ? "up" : "down"} ${points}`;
  element("percent").replaceWith(scored(score, "percent"));
  element("change").textContent = said ? `likely to leave, ${by} after ${said}` : "likely to leave";
  element("change").className = isSame ? "" : moved > 0 ? "up" : "down";
  element("gauge").style.width = `${100 * score}%`;
  const scores = course.length > 1 ? course.map((each) => each.score) : [score, score];
  const corners = scores.map((each, n) => `${(300 * n) / (scores.length - 1)},${57 - 54 * each}`);
  element("course").firstElementChild.setAttribute("points", corners.join(" "));
}

function showHistory(course) {
  const lines = course.slice(1).map(({ said, score }) => made("li", `${said}: ${percent(score)}`));
  element("history").replaceChildren(...lines);
  element("history").scrollTop = element("history").scrollHeight;
  element("nothing").hidden = lines.length > 0;
}

function showReasons(reasons) {
  const largest = Math.max(...reasons.map(({ contribution }) => Math.abs(contribution)));
  const rows = reasons.map(({ input, value, contribution }) => {
    const row = document.createElement("tr");
    const name = made("th", words(input));
    name.scope = "row";
    const adds = made("td", `${contribution < 0 ? "−" : "+"}${Math.abs(contribution).toFixed(3)}`, contribution > 0 ? "up" : "down");
    const bar = made("span", "", "bar");
    bar.style.width = `${(100 * Math.abs(contribution)) / (largest || 1)}%`;
    adds.append(bar);
    row.append(name, made("td", value ?? "missing"), adds);
    return row;
  });
  element("reasons").tBodies[0].replaceChildren(...rows);
}

function showProfile(profile, first) {
  const shown = Object.keys(profile).flatMap((name) => {
    const className = profile[name] === first[name] ? "" : "moved";
    return [made("dt", words(name), className), made("dd", String(profile[name] ?? "missing"), className)];
  });
  element("profile").replaceChildren(...shown);
}

/** Scores everybody in a worker, and says how long this page was kept from drawing meanwhile. */
async function scoreAll({ bundle, customers }, show) {
  const [said, button] = [element("many-said"), element("many")];
  button.disabled = true;
  said.textContent = "Scoring.";
  let [longest, last, isDone] = [0, performance.now(), false];
  const watch = (now) => {
    longest = Math.max(longest, now - last);
    last = now;
    if (!isDone) requestAnimationFrame(watch);
  };
  const start = performance.now();
  requestAnimationFrame(watch);
  try {
    const ids = [...customers.keys()];
    const scores = await bundle.scoreMany([...customers.values()]);
    const took = performance.now() - start;
    const ranked = ids.map((id, n) => ({ id, score: scores[n] })).sort((a, b) => b.score - a.score);
    show(ranked);
    const frames = longest ? `, and never waited longer than ${longest.toFixed(0)} ms to draw` : "";
    said.textContent = `${ids.length.toLocaleString("en")} scores in ${took.toFixed(0)} ms; this page went on${frames}.`;
  } catch (error) {
    said.textContent = error.message;
  }
  isDone = true;
  button.disabled = false;
}

/** The table of those who are most likely to leave; more of it by a button. */
function ranking(view) {
  const [table, more] = [element("ranking"), element("more")];
  let ranked = [];
  const row = ({ id, score }) => {
    const found = document.createElement("tr");
    const name = made("th", "");
    name.scope = "row";
    const open = made("button", String(id), "plain");
    open.type = "button";
    open.setAttribute("aria-label", `Customer ${id}: show the profile`);
    open.addEventListener("click", () => {
      view.choose(id);
      element("score-title").focus();
    });
    name.append(open);
    const { number_customer_service_calls: complaints, state } = view.customers.get(id);
    const cell = document.createElement("td");
    cell.append(scored(score));
    found.append(name, cell, made("td", String(complaints)), made("td", state, "spare"));
    return found;
  };
  const grow = () => {
    const body = table.tBodies[0];
    body.append(...ranked.slice(body.rows.length, body.rows.length + SHOWN).map(row));
    more.hidden = body.rows.length >= ranked.length;
  };
  more.addEventListener("click", grow);
  return (found) => {
    ranked = found;
    table.hidden = false;
    table.tBodies[0].replaceChildren();
    grow();
  };
}

/** From here on the browser itself lets no connection be made. */
function forbidConnections() {
  const policy = document.createElement("meta");
  policy.httpEquiv = "Content-Security-Policy";
  policy.content = ONLY_HERE;
  document.head.append(policy);
  element("policy").textContent = policy.content;
}

/** What happens to a page that would send the profile somewhere: to another server, and to its own. */
async function trySending({ state }) {
  const said = element("send-said");
  for (const target of ["https://example.com/", location.href]) {
    try {
      await fetch(target, { method: "POST", body: JSON.stringify(state) });
      said.textContent = `The browser let it go to ${target}.`;
      return;
    } catch {
      // As it should be.
    }
  }
  said.textContent = "The browser refused: neither another server nor this page's own can be reached.";
}

async function showWhetherKept() {
  const said = element("state");
  const show = (isKept) => {
    said.textContent = navigator.onLine ? (isKept ? "Ready for offline" : "Ready") : "Offline, and at work";
  };
  show(false);
  if (!("serviceWorker" in navigator)) return;
  try {
    await navigator.serviceWorker.register("offline.js");
    await navigator.serviceWorker.ready;
  } catch {
    return;
  }
  show(true);
  for (const each of ["online", "offline"]) addEventListener(each, () => show(true));
}

function showProblem(error) {
  const isOurs = error instanceof PgscoreError;
  element("problem").textContent = isOurs ? `No scores here: ${error.message}.` : `No scores here: ${error.message}`;
  if (isOurs && error.hint) element("problem").append(made("div", error.hint, "quiet"));
  element("problem").hidden = false;
  element("main").removeAttribute("aria-busy");
  element("state").textContent = "Stopped";
  element("change").textContent = "There is no model.";
}

async function fetchedCustomers() {
  const response = await fetch("customers.json");
  if (!response.ok) throw new Error(`the customers cannot be fetched: status ${response.status}`);
  const { columns, rows } = await response.json();
  // The first column is the key.
  return new Map(rows.map(([id, ...row]) => [id, Object.fromEntries(row.map((value, n) => [columns[n + 1], value]))]));
}

function showBundle(bundle, key) {
  const facts = { Model: bundle.model, Version: bundle.version, Signature: key ? "of the key that this page trusts" : "not asked for" };
  const shown = Object.entries(facts).flatMap(([name, value]) => [made("dt", name), made("dd", String(value))]);
  element("bundle").replaceChildren(...shown);
}

async function start() {
  const key = document.querySelector("meta[name=pgscore-key]").content;
  const [bundle, customers] = await Promise.all([load("churn.json", key ? { key } : {}), fetchedCustomers()]);
  forbidConnections();
  const view = new View(bundle, customers);
  element("customer").max = String(Math.max(...customers.keys()));
  showBundle(bundle, key);
  try {
    view.show();
  } catch {
    // What was kept is of another model.
    view.choose(customers.keys().next().value);
  }
  for (const each of document.querySelectorAll("[data-event]")) {
    each.addEventListener("click", () => view.happen(each.dataset.event));
  }
  element("undo").addEventListener("click", () => view.forget(1));
  element("reset").addEventListener("click", () => view.forget(view.state.events.length));
  element("customer").addEventListener("change", ({ target }) => {
    const chosen = Number(target.value);
    // Of nobody the number goes back to whose profile is shown.
    if (customers.has(chosen)) view.choose(chosen);
    else view.show();
  });
  const show = ranking(view);
  element("many").addEventListener("click", () => scoreAll(view, show));
  element("send").addEventListener("click", () => trySending(view));
  const others = document.querySelectorAll("[data-event], #customer, #many, #send");
  for (const each of others) each.disabled = false;
  element("main").removeAttribute("aria-busy");
  await showWhetherKept();
}

start().catch(showProblem);
