// Starts the stage in its iframe. What it paints is told by the page: see wasm/stage.
(async () => {
  const tell = (message) => parent.postMessage({ type: "error", message }, location.origin);
  try {
    const go = new Go();
    const { instance } = await WebAssembly.instantiateStreaming(fetch("dist/stage.wasm"), go.importObject);
    await go.run(instance);
  } catch (e) {
    tell("the picture cannot be drawn here: " + e.message);
  }
})();
