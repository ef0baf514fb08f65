// A page with nothing but the engine's worker: it speaks the wire in plain JavaScript, which
// also shows that another language can.
"use strict";

const KIND = { hello: 1, welcome: 2, request: 3, event: 4, result: 5, error: 6, cancel: 7, cancelled: 8 };
let worker, welcome, nextId = 0;
const calls = new Map(), halves = new Map();

function frame(kind, request, body) {
  const head = JSON.stringify({ __metadata__: body === undefined ? {} : { msg: JSON.stringify(body) } });
  const text = new TextEncoder().encode(head + " ".repeat((8 - (new TextEncoder().encode(head).length % 8)) % 8));
  const out = new Uint8Array(24 + 8 + text.length), view = new DataView(out.buffer);
  out.set([0x50, 0x42, 1, kind, 0, 0, 0, 0]);
  view.setBigUint64(8, BigInt(request), true);
  view.setUint32(20, 8 + text.length, true);
  view.setBigUint64(24, BigInt(text.length), true);
  out.set(text, 32);
  return out.buffer;
}

function post(kind, request, body) {
  const buf = frame(kind, request, body);
  worker.postMessage(buf, [buf]);
}

// join gathers the frames of a message; null while more is to come.
function join(buf) {
  const view = new DataView(buf), id = Number(view.getBigUint64(8, true));
  const parts = halves.get(id) || [];
  parts.push(new Uint8Array(buf, 24));
  if (view.getUint8(5) & 1) { halves.set(id, parts); return null; }
  halves.delete(id);
  const all = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  parts.reduce((at, p) => (all.set(p, at), at + p.length), 0);
  const n = Number(new DataView(all.buffer).getBigUint64(0, true));
  const head = JSON.parse(new TextDecoder().decode(all.subarray(8, 8 + n)));
  const msg = head.__metadata__ && head.__metadata__.msg;
  return { kind: view.getUint8(3), id, body: msg === undefined ? undefined : JSON.parse(msg) };
}

// start gives the worker's welcome.
function start(query = "") {
  worker = new Worker("worker.js" + query);
  return new Promise((yes, no) => {
    worker.onerror = (e) => no(new Error(e.message || "worker.js did not load"));
    worker.onmessage = (e) => (e.data.fatal ? no(new Error(e.data.fatal)) : take(e.data, yes, no));
    post(KIND.hello, 0, { token: "" });
  });
}

// dial gives a sidecar's welcome; from then on call speaks to it.
function dial(token) {
  const socket = new WebSocket(location.origin.replace("http", "ws") + "/ws");
  socket.binaryType = "arraybuffer";
  worker = { postMessage: (buf) => socket.send(buf), terminate: () => socket.close() };
  return new Promise((yes, no) => {
    socket.onclose = (e) => no(new Error(`closed with ${e.code} ${e.reason}`));
    socket.onmessage = (e) => take(e.data, yes, no);
    socket.onopen = () => post(KIND.hello, 0, { token, codecs: ["raw"] });
  });
}

// take acts on one frame.
function take(frame, welcomed, refused) {
  const m = join(frame);
  if (!m) return;
  if (m.kind === KIND.welcome) return welcomed((welcome = m.body));
  if (m.kind === KIND.error && m.id === 0) return refused(new Error(m.body.msg));
  const call = calls.get(m.id);
  if (!call) return;
  if (m.kind === KIND.event) return call.event(m.body);
  calls.delete(m.id);
  if (m.kind === KIND.result) return call.yes(m.body);
  call.no(Object.assign(new Error(m.kind === KIND.cancelled ? "cancelled" : m.body.msg), { kind: m.kind }));
}

// call sends a request; cancel(call.id) stops it.
function call(method, params, event = () => {}) {
  const id = ++nextId;
  const p = new Promise((yes, no) => calls.set(id, { yes, no, event }));
  post(KIND.request, id, { method, params });
  return Object.assign(p, { id });
}

function cancel(id) { post(KIND.cancel, id); }

// stop ends the worker, as a closed tab does.
function stop() { worker.terminate(); calls.clear(); halves.clear(); }
