// The service worker keeps the page's shell (html, css, scripts, wasm programs, kernels), so
// that a second visit works offline. Models are not its business: the engine's worker keeps
// those itself.
//
// One version at a time, whole or not at all. The build writes dist/manifest.js with the
// SHA-256 of every file; browsers compare imported scripts too, so a new build is a new service
// worker. It fetches every file and checks its digest before it is installed, into a cache of
// its own, and takes over only when no page of the old version is open. A page therefore never
// sees files of two builds.
"use strict";

importScripts("dist/manifest.js"); // self.PATCHBAY_MANIFEST = {version, files: [{path, sha256}]}

const manifest = self.PATCHBAY_MANIFEST;
const prefix = "patchbay-shell-";
const name = prefix + manifest.version;
const base = new URL("./", self.location.href);
const files = new Map(manifest.files.map((f) => [new URL(f.path, base).pathname, f]));

self.addEventListener("install", (e) => e.waitUntil(install()));
self.addEventListener("activate", (e) => e.waitUntil(dropOthers()));
self.addEventListener("message", (e) => {
  if (e.data === "take over") self.skipWaiting();
});
self.addEventListener("fetch", (e) => {
  const url = new URL(e.request.url);
  if (e.request.method !== "GET" || url.origin !== base.origin) return;
  const path = url.pathname.endsWith("/") ? url.pathname + "index.html" : url.pathname;
  if (files.has(path)) e.respondWith(e.request.mode === "navigate" ? navigate(path) : answer(path));
});

async function install() {
  const cache = await caches.open(name);
  const old = await previous();
  try {
    for (const [path, file] of files) await keep(cache, old, path, file);
  } catch (err) {
    await caches.delete(name); // a half cache must never be used
    throw err;
  }
}

// previous gives the cache of the build before this one, whose unchanged files need no fetch.
async function previous() {
  const names = (await caches.keys()).filter((n) => n.startsWith(prefix) && n !== name);
  return names.length ? caches.open(names[names.length - 1]) : null;
}

async function keep(cache, old, path, file) {
  const had = old && (await old.match(path));
  if (had && had.headers.get("X-Patchbay-SHA256") === file.sha256) return cache.put(path, had);
  const response = await fetch(path, { cache: "no-cache" });
  if (!response.ok) throw new Error(`${path}: the server answered ${response.status}`);
  const body = await response.arrayBuffer();
  if ((await hex(body)) !== file.sha256) throw new Error(`${path} is not of version ${manifest.version}; trying again later`);
  const headers = new Headers(response.headers);
  headers.delete("Content-Encoding"); // the body is decoded by now
  headers.delete("Content-Length");
  headers.set("X-Patchbay-SHA256", file.sha256);
  return cache.put(path, new Response(body, { headers }));
}

async function hex(body) {
  const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", body));
  return Array.from(sum, (b) => b.toString(16).padStart(2, "0")).join("");
}

async function dropOthers() {
  const others = (await caches.keys()).filter((n) => n.startsWith(prefix) && n !== name);
  await Promise.all(others.map((n) => caches.delete(n)));
}

async function answer(path) {
  const cache = await caches.open(name);
  return (await cache.match(path)) || fetch(path);
}

// A reload alone would never let a waiting version in, because the page that is left and the
// one that comes overlap. When this is the only page, the new version takes over and the
// browser asks again. (By a script: a Refresh header does nothing at an address with a fragment.)
async function navigate(path) {
  const waiting = self.registration.waiting;
  if (waiting && (await self.clients.matchAll({ type: "window" })).length < 2) {
    waiting.postMessage("take over");
    return new Response("<!doctype html><script>location.reload()</script>", { headers: { "Content-Type": "text/html" } });
  }
  return answer(path);
}
