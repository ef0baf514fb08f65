// Registers the service worker once the page has loaded, so that the first visit's own loads
// come first. On plain http there is none to register: the page then needs its server.
"use strict";

if ("serviceWorker" in navigator) {
  const register = () =>
    navigator.serviceWorker
      .register("sw.js", { updateViaCache: "none" })
      .catch((e) => console.warn("offline use is not possible:", e.message));
  if (document.readyState === "complete") register();
  else addEventListener("load", register, { once: true });
}
