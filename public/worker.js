// The engine's worker: loads the kernels and worker.wasm, and passes frames to it. Of the query
//   ?shelf=opfs|cache|indexeddb  names where models are kept, by default the best that the context allows
//   ?threads=N                   is how many threads compute, by default what a measurement at the start finds
"use strict";

// What the page says before Go listens waits here.
const early = [];
let listen = (data) => early.push(data);
self.onmessage = (e) => listen(e.data);
self.patchbayListen = (f) => {
  listen = f;
  early.splice(0).forEach(f);
};
const query = new URLSearchParams(self.location.search);
self.patchbayShelf = query.get("shelf") || "";

// patchbaySettle turns a request or transaction of IndexedDB into a promise.
self.patchbaySettle = (r) =>
  new Promise((yes, no) => {
    r.onsuccess = r.oncomplete = () => yes(r.result);
    r.onerror = r.onabort = r.onblocked = () => no(r.error || new DOMException("another tab holds the database", "AbortError"));
  });

importScripts("dist/wasm_exec.js");

// kernels gives the started kernel module, or null with the reason in patchbayKernelError: then the engine runs on its plain loops and says so.
async function kernels() {
  try {
    importScripts("kernels/kernels.js");
    const base = new URL("kernels/", self.location.href).href;
    return await self.PatchbayKernels.instantiate({ base, threads: Math.max(0, parseInt(query.get("threads"), 10) || 0) });
  } catch (e) {
    self.patchbayKernelError = String((e && e.message) || e);
    return null;
  }
}

// stand-ins satisfy the imports that worker.wasm names when there are no kernels.
function standIns(module) {
  const missing = () => {
    throw new Error("the SIMD kernels did not start: " + self.patchbayKernelError);
  };
  const names = WebAssembly.Module.imports(module).filter((i) => i.module === "kern");
  return Object.fromEntries(names.map((i) => [i.name, missing]));
}

async function compile(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: the server answered ${response.status}`);
  if (response.headers.get("Content-Type") === "application/wasm") return WebAssembly.compileStreaming(response);
  return WebAssembly.compile(await response.arrayBuffer());
}

(async () => {
  const go = new Go();
  const [module, kern] = await Promise.all([compile("dist/worker.wasm"), kernels()]);
  if (kern) kern.attach(go);
  go.importObject.kern = kern ? kern.imports : standIns(module);
  await go.run(await WebAssembly.instantiate(module, go.importObject));
  throw new Error("the engine ended");
})().catch((e) => self.postMessage({ fatal: String((e && e.message) || e) }));
