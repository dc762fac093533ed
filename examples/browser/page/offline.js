// A service worker: keeps the page and its model, for when the server cannot be reached. What the server has comes first.
const KEPT = "pgscore-page";
const FILES = ["./", "style.css", "page.js", "pgscore.js", "churn.json", "customers.json", "manifest.webmanifest"];

async function keep() {
  const cache = await caches.open(KEPT);
  // Past the browser's own cache, so that all of them are of one time.
  await cache.addAll(FILES.map((file) => new Request(file, { cache: "reload" })));
  await self.skipWaiting();
}

async function answer(request) {
  const cache = await caches.open(KEPT);
  try {
    const found = await fetch(request);
    if (found.ok) await cache.put(request, found.clone());
    return found;
  } catch {
    return (await cache.match(request, { ignoreSearch: true })) ?? Response.error();
  }
}

self.addEventListener("install", (event) => event.waitUntil(keep()));
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", (event) => {
  const { method, url } = event.request;
  if (method === "GET" && new URL(url).origin === self.location.origin) event.respondWith(answer(event.request));
});
