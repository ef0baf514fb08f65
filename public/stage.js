// Starts the stage in its iframe. What it paints is told by the page: see wasm/stage.

// Ebiten asks for an animation frame after each, whether or not there is anything to draw, and that keeps
// the browser and a good part of a processor awake. Here it gets a few after the last cause; then its next
// one waits until stageWake.
{
  const few = 10, frame = self.requestAnimationFrame.bind(self);
  let left = few, waiting = null;
  self.requestAnimationFrame = (f) => (left-- > 0 ? frame(f) : ((waiting = f), 0));
  self.stageWake = () => {
    left = few;
    if (waiting) frame(waiting);
    waiting = null;
  };
  for (const cause of ["message", "resize", "focus"]) self.addEventListener(cause, self.stageWake);
  document.addEventListener("visibilitychange", self.stageWake);
}

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
