// Starts the stage in its iframe. What it paints is told by the page: see wasm/stage.
(async () => {
  const tell = (message) => parent.postMessage({ type: "error", fatal: true, message }, location.origin);
  try {
    const go = new Go();
    const { instance } = await WebAssembly.instantiateStreaming(fetch("dist/stage.wasm"), go.importObject);
    await go.run(instance);
    tell("the picture's program ended");
  } catch (e) {
    tell("the picture cannot be drawn here: " + e.message);
  }
})();
