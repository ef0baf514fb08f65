// A helper thread of the kernels: the same module over the same memory, with a stack of its own.
// kernels.js starts it and ends it; between calls it sleeps in the module's work().
"use strict";

self.onmessage = async (e) => {
	const { module, memory, id, stack } = e.data;
	let kernel = null;
	try {
		const env = { memory, now: () => performance.now() };
		kernel = (await WebAssembly.instantiate(module, { env })).exports;
		kernel.__stack_pointer.value = stack;
		self.postMessage("ready");
		kernel.work(id);
	} catch (err) {
		if (kernel) kernel.fail();
		self.postMessage({ error: String((err && err.message) || err) });
	}
};
