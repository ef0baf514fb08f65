// Runs /program.wasm in a worker of this very script, or in the page when it is told to.
(async () => {
	const inWorker = typeof document === "undefined";
	const post = (path, body) => { const x = new XMLHttpRequest(); x.open("POST", path, false); x.send(body); };
	try {
		const start = await (await fetch("/start")).json();
		if (!inWorker && !start.page) {
			const worker = new Worker("/run.js");
			worker.onerror = (e) => { post("/out?fd=2", `worker: ${e.message}\n`); post("/exit?code=2"); };
			return;
		}
		const load = (src) => inWorker ? importScripts(src) : new Promise((ok, bad) => {
			document.body.append(Object.assign(document.createElement("script"), { src, onload: ok, onerror: () => bad(new Error("cannot load " + src)) }));
		});
		globalThis.wasmtestCwd = start.cwd;
		await load("/fs.js");
		await load("/wasm_exec.js");
		const go = new Go();
		go.argv = start.args;
		go.env = start.env;
		go.exit = (code) => {
			post("/exit?code=" + code);
			if (inWorker) self.close(); // timers of the ended program must not wake it
		};
		if (start.kernels) {
			await load("/public/kernels/kernels.js");
			const kernels = await PatchbayKernels.instantiate({
				base: "/public/kernels/", variant: start.env.PATCHBAY_KERNELS, threads: inWorker ? parseInt(start.env.PATCHBAY_THREADS || "2", 10) : 1,
			});
			kernels.attach(go);
			go.importObject.kern = kernels.imports;
		}
		const { instance } = await WebAssembly.instantiateStreaming(fetch("/program.wasm"), go.importObject);
		await go.run(instance);
	} catch (e) {
		post("/out?fd=2", `wasmtest: ${e && e.stack || e}\n`);
		post("/exit?code=2");
	}
})();
