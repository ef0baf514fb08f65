// The SIMD kernels and the memory they work in, for a Go program compiled to WebAssembly:
//
//   const kernels = await PatchbayKernels.instantiate({ base: "kernels/" });
//   kernels.attach(go);
//   go.importObject.kern = kernels.imports;
//
// A plain script, for importScripts and for node. Options of instantiate:
//   base     where the .wasm files lie (a URL that ends in a slash)
//   load     name => Promise of the file's bytes; by default fetch(base + name)
//   threads  how many threads share a call; by default the device measures what pays, up to 8
//   variant  "plain" or "relaxed"; by default relaxed where WebAssembly.validate accepts it
//
// Threads need shared memory, which browsers give to pages that are cross-origin isolated. The thread
// that runs Go takes part; the others are workers of thread.js. Without them one thread computes the
// same, and imports.note says why.
"use strict";

(() => {
	// The smallest modules with an instruction of SIMD128, and of relaxed SIMD.
	const simd = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11];
	const relaxed = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 15, 1, 13, 0, 65, 1, 253, 15, 65, 2, 253, 15, 253, 128, 2, 11];
	const accepts = (bytes) => WebAssembly.validate(new Uint8Array(bytes));

	// Shared memory reserves its maximum at once, which small devices refuse: then ask for less.
	function makeMemory(shared) {
		for (let maximum = 65536; ; maximum /= 2) {
			try {
				return { memory: new WebAssembly.Memory({ initial: 16, maximum, shared }), maximum };
			} catch (e) {
				if (maximum <= 4096) throw e;
			}
		}
	}

	async function fetchBytes(url) {
		const response = await fetch(url);
		if (!response.ok) throw new Error(`${url}: the server answered ${response.status}`);
		return response.arrayBuffer();
	}

	const most = 8;
	const stackSize = 128 << 10; // bytes of each helper's stack, as build.sh gives the first thread
	const patience = 5000; // milliseconds in which helpers must have started

	const cores = () => navigator.hardwareConcurrency || 1;

	// alone says why this page can have one thread only, or "".
	function alone(threads) {
		if (threads === 1) return "asked for";
		if (!globalThis.crossOriginIsolated) return "the page is not cross-origin isolated";
		if (typeof Worker === "undefined" || typeof SharedArrayBuffer === "undefined") return "this browser shares no memory here";
		return !threads && cores() < 2 ? "one processor core" : "";
	}

	// A helper that is ready to work, or the error that kept it from it.
	function startHelper(url, message) {
		return new Promise((yes, no) => {
			const worker = new Worker(url);
			const fail = (why) => { clearTimeout(late); worker.terminate(); no(new Error(why)); };
			const late = setTimeout(() => fail("no answer in time"), patience);
			worker.onmessage = (e) => (e.data === "ready" ? (clearTimeout(late), yes(worker)) : fail(e.data.error));
			worker.onerror = (e) => { e.preventDefault(); fail(e.message || "thread.js did not load"); };
			worker.postMessage(message);
		});
	}

	// The helpers of a pool of so many threads; all or none.
	async function startHelpers(base, count, module, memory, stacks) {
		const url = new URL(base + "thread.js", self.location.href);
		const started = await Promise.allSettled(Array.from({ length: count }, (_, id) =>
			startHelper(url, { module, memory, id, stack: stacks + (id + 1) * stackSize })));
		const workers = started.filter((s) => s.value).map((s) => s.value);
		const failed = started.find((s) => s.reason);
		if (!failed) return workers;
		workers.forEach((w) => w.terminate());
		throw failed.reason;
	}

	// start gives the kernels on memory that their helpers share, or one thread and the reason.
	async function start(kind, read, base, threads) {
		let note = alone(threads), { memory, maximum } = makeMemory(!note);
		const module = await WebAssembly.compile(await read(`kernels-${kind}${note ? "" : "-mt"}.wasm`));
		const env = { memory, now: () => performance.now() };
		const kernel = (await WebAssembly.instantiate(module, { env })).exports;
		let heap = kernel.heap(), helpers = [];
		if (!note) {
			const count = Math.min(threads || cores(), most) - 1;
			const stacks = (heap + 63) & -64;
			memory.grow(Math.ceil((count * stackSize) / 65536));
			heap = stacks + count * stackSize;
			try {
				helpers = await startHelpers(base, count, module, memory, stacks);
				note = threads ? "asked for" : "";
			} catch (e) {
				note = "threads do not start: " + e.message;
			}
		}
		return { kernel, memory, maximum, heap, helpers, note };
	}

	async function instantiate({ base = "", load, threads = 0, variant } = {}) {
		if (!accepts(simd)) throw new Error("this browser has no WebAssembly SIMD: update it");
		const kind = variant || (accepts(relaxed) ? "relaxed" : "plain");
		const read = load || ((name) => fetchBytes(base + name));
		const { kernel, memory, maximum, heap, helpers, note } = await start(kind, read, base, threads);

		// A view dies when its memory grows, so each use compares the buffer it was made of.
		let go = null, goView = new Uint8Array(0), view = new Uint8Array(0);
		const here = () => (view.buffer === memory.buffer ? view : (view = new Uint8Array(memory.buffer)));
		const there = () => {
			const buffer = go._inst.exports.mem.buffer;
			return goView.buffer === buffer ? goView : (goView = new Uint8Array(buffer));
		};
		const imports = {
			run: kernel.run,
			heap: () => heap,
			row_tile: kernel.row_tile,
			lanes: kernel.lanes,
			features: kernel.features,
			// threads that there are, the caller included; measured says that not all need be used.
			threads: () => helpers.length + 1,
			measured: () => (note ? 0 : 1),
			// use says how many threads take part from now on; settle ends the others for good.
			use(n) { if (helpers.length) kernel.helpers(n - 1); },
			settle(n) { helpers.splice(n - 1).forEach((w) => w.terminate()); },
			note(to, n) { return new TextEncoder().encodeInto(note, there().subarray(to >>> 0, (to >>> 0) + n)).written; },
			limit: () => maximum,
			pages: () => memory.buffer.byteLength / 65536,
			grow(pages) {
				try { return memory.grow(pages >>> 0); } catch { return -1; }
			},
			copy_in(to, from, n) { to >>>= 0; from >>>= 0; here().set(there().subarray(from, from + (n >>> 0)), to); },
			copy_out(to, from, n) { to >>>= 0; from >>>= 0; there().set(here().subarray(from, from + (n >>> 0)), to); },
		};
		return {
			imports, memory,
			// attach names the Go instance (of wasm_exec.js) whose memory is copied from and to.
			attach(instance) { go = instance; },
			// close ends the helpers.
			close() { imports.settle(1); },
		};
	}

	globalThis.PatchbayKernels = { instantiate };
})();
