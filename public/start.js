// Starts the page's program. A kept choice of colours is applied before the first paint, so
// that a dark page does not flash white.
"use strict";

try {
  const theme = localStorage.getItem("patchbay.theme");
  if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
} catch {
  // a browser that refuses storage shows the system's colours
}

(async () => {
  const go = new Go();
  const response = await fetch("dist/app.wasm");
  if (!response.ok) throw new Error(`dist/app.wasm: the server answered ${response.status}`);
  const streams = response.headers.get("Content-Type") === "application/wasm";
  const { instance } = streams
    ? await WebAssembly.instantiateStreaming(response, go.importObject)
    : await WebAssembly.instantiate(await response.arrayBuffer(), go.importObject);
  await go.run(instance);
  throw new Error("the page's program ended");
})().catch((e) => {
  const why = (e && e.message) || String(e);
  const place = document.getElementById("starting") || document.body.insertBefore(document.createElement("p"), document.body.firstChild);
  place.className = "broken";
  place.textContent = `The lab could not start (${why}). Reload the page; if that does not help, build it again with “make build”. 無法啟動，請重新整理頁面。`;
  document.querySelector(".starting progress")?.remove();
});
