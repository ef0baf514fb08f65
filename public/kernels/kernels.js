// The SIMD kernels and the memory they work in, for a Go program compiled to WebAssembly:
//
//   const kernels = await PatchbayKernels.instantiate({ base: "kernels/" });
//   kernels.attach(go);
//   go.importObject.kern = kernels.imports;
//
// A plain script, for importScripts and for node. Options of instantiate:
//   base     where the .wasm files lie (a URL that ends in a slash)
//   load     name => Promise of the file's bytes; by default fetch(base + name)
//   shared   true for memory that threads can share (default false)
//   variant  "plain" or "relaxed"; by default relaxed where WebAssembly.validate accepts it
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

	async function instantiate({ base = "", load, shared = false, variant } = {}) {
		if (!accepts(simd)) throw new Error("this browser has no WebAssembly SIMD: update it");
		const kind = variant || (accepts(relaxed) ? "relaxed" : "plain");
		const name = `kernels-${kind}${shared ? "-mt" : ""}.wasm`;
		const { memory, maximum } = makeMemory(shared);
		const module = await WebAssembly.compile(await (load ? load(name) : fetchBytes(base + name)));
		const kernel = (await WebAssembly.instantiate(module, { env: { memory } })).exports;

		// A view dies when its memory grows, so each use compares the buffer it was made of.
		let go = null, goView = new Uint8Array(0), view = new Uint8Array(0);
		const here = () => (view.buffer === memory.buffer ? view : (view = new Uint8Array(memory.buffer)));
		const there = () => {
			const buffer = go._inst.exports.mem.buffer;
			return goView.buffer === buffer ? goView : (goView = new Uint8Array(buffer));
		};
		const imports = {
			run: kernel.run,
			heap: kernel.heap,
			row_tile: kernel.row_tile,
			lanes: kernel.lanes,
			features: kernel.features,
			limit: () => maximum,
			pages: () => memory.buffer.byteLength / 65536,
			grow(pages) {
				try { return memory.grow(pages >>> 0); } catch { return -1; }
			},
			copy_in(to, from, n) { to >>>= 0; from >>>= 0; here().set(there().subarray(from, from + (n >>> 0)), to); },
			copy_out(to, from, n) { to >>>= 0; from >>>= 0; there().set(here().subarray(from, from + (n >>> 0)), to); },
		};
		return {
			imports, memory, module,
			detail: kind + (shared ? ", shared" : ""),
			// attach names the Go instance (of wasm_exec.js) whose memory is copied from and to.
			attach(instance) { go = instance; },
		};
	}

	globalThis.PatchbayKernels = { instantiate };
})();
