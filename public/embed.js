// A figure inside somebody else's page. It shows the stored picture, which travels in the
// address itself, and loads nothing else until the reader presses run: then the lab's program
// takes this document over and computes the result again, in the reader's own tab.
"use strict";

const maxShot = 2 << 20; // bytes of SVG that are unpacked at most
const fields = new Map(
  location.hash
    .slice(1)
    .split("&")
    .map((f) => [f.slice(0, f.indexOf("=")), decode(f.slice(f.indexOf("=") + 1))]),
);
const chinese = (fields.get("lang") || navigator.language).startsWith("zh");
const say = (en, zh) => (chinese ? zh : en);
const byId = (id) => document.getElementById(id);

function decode(s) {
  try {
    return decodeURIComponent(s.replaceAll("+", " "));
  } catch {
    return s; // a cut link: what is there is shown
  }
}

// unpack undoes base64url and deflate, and refuses what would grow beyond all bounds.
async function unpack(text) {
  const raw = Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
  const reader = new Blob([raw]).stream().pipeThrough(new DecompressionStream("deflate-raw")).getReader();
  const parts = [];
  for (let size = 0; ; ) {
    const { done, value } = await reader.read();
    if (done) return new Blob(parts, { type: "image/svg+xml" });
    if ((size += value.length) > maxShot) throw new Error("the picture is larger than a picture is");
    parts.push(value);
  }
}

// show puts the stored picture up. As an <img> it can run no script, whoever wrote the address.
async function show() {
  const img = byId("shot");
  img.alt = fields.get("title") || say("a result of Patchbay", "Patchbay 的結果");
  try {
    if (!fields.get("shot")) throw new Error("none");
    img.src = URL.createObjectURL(await unpack(fields.get("shot")));
    await img.decode();
    img.hidden = false;
  } catch {
    byId("none").textContent = say("There is no stored picture in this address. Run computes the result here.", "這個網址裡沒有存好的圖。按「執行」會在此計算結果。");
    byId("none").hidden = false;
  }
}

function script(src) {
  return new Promise((yes, no) => {
    const s = document.createElement("script");
    [s.src, s.onload, s.onerror] = [src, yes, () => no(new Error(src + " did not load"))];
    document.head.append(s);
  });
}

// run hands the document to the lab's program, told to run at once.
async function run() {
  byId("run").disabled = true;
  byId("run").textContent = say("Opening …", "開啟中…");
  const kept = [...fields].filter(([k]) => k !== "shot" && k !== "run" && k !== "token" && k !== "place");
  const hash = kept.map(([k, v]) => k + "=" + encodeURIComponent(v)).join("&") + "&run=1&place=tab";
  history.replaceState(null, "", "#" + hash);
  try {
    await script("dist/wasm_exec.js");
    await script("start.js");
  } catch (e) {
    byId("run").disabled = false;
    byId("run").textContent = say("Run again", "再試一次");
    byId("cost").textContent = e.message;
  }
}

document.documentElement.lang = chinese ? "zh-Hant" : "en";
if (fields.get("theme") === "dark" || fields.get("theme") === "light") document.documentElement.dataset.theme = fields.get("theme");
byId("caption").textContent = fields.get("title") || "Patchbay";
byId("run").textContent = say("Run in this tab", "在此分頁執行");
byId("run").onclick = run;
byId("cost").textContent = say("loads a model and computes it anew", "會載入模型並重新計算");
byId("whole").href = "./#" + [...fields].filter(([k]) => k !== "shot" && k !== "controls" && k !== "title").map(([k, v]) => k + "=" + encodeURIComponent(v)).join("&");
byId("whole").textContent = say("open in Patchbay ↗", "在 Patchbay 開啟 ↗");
show();
