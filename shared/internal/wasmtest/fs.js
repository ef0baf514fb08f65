// A read-only file system for Go's syscall/js port: files of the machine that runs the tests,
// fetched by synchronous requests, since Go's test programs expect files to be just there.
// Standard output and error go to the server. Must be loaded before wasm_exec.js.
(() => {
	const fail = (code, text) => Object.assign(new Error(text || code), { code });
	const files = new Map(); // fd -> {path, size, pos, dir, cacheAt, cache}
	let nextFd = 10;
	const readAhead = 1 << 20;

	// A window may not ask for an ArrayBuffer synchronously; text of one byte a character works everywhere.
	function request(method, path, range) {
		const x = new XMLHttpRequest();
		x.open(method, "/fs" + path.split("/").map(encodeURIComponent).join("/"), false);
		const inWorker = typeof document === "undefined";
		if (inWorker) x.responseType = "arraybuffer";
		else x.overrideMimeType("text/plain; charset=x-user-defined");
		if (range) x.setRequestHeader("Range", range);
		x.send();
		if (x.status === 404) throw fail("ENOENT");
		if (x.status === 403) throw fail("EACCES", "EACCES: not among the folders that wasmtest serves");
		if (x.status >= 400) throw fail("EIO", "EIO: status " + x.status);
		const bytes = () => inWorker ? new Uint8Array(x.response) : Uint8Array.from(x.response, (c) => c.charCodeAt(0) & 255);
		return { x, bytes };
	}
	const absolute = (path) => path.startsWith("/") ? path : globalThis.process.cwd() + "/" + path;
	function head(path) {
		const { x } = request("HEAD", absolute(path));
		return { size: +x.getResponseHeader("X-Size"), dir: x.getResponseHeader("X-Dir") === "1", time: +x.getResponseHeader("X-Time") };
	}
	function stats(h) {
		const mode = h.dir ? 0o40755 : h.device ? 0o20666 : 0o100644;
		return {
			dev: 1, ino: 1, mode, nlink: 1, uid: 0, gid: 0, rdev: 0, size: h.size, blksize: 4096, blocks: Math.ceil(h.size / 512),
			atimeMs: h.time, mtimeMs: h.time, ctimeMs: h.time, isDirectory: () => h.dir,
		};
	}
	function readAt(f, at, n) {
		n = Math.max(0, Math.min(n, f.size - at));
		if (n === 0) return new Uint8Array(0);
		if (!f.cache || at < f.cacheAt || at + n > f.cacheAt + f.cache.length) {
			const end = Math.min(f.size, at + Math.max(n, readAhead));
			f.cache = request("GET", f.path, `bytes=${at}-${end - 1}`).bytes();
			f.cacheAt = at;
		}
		return f.cache.subarray(at - f.cacheAt, at - f.cacheAt + n);
	}
	// later turns a function that returns or throws into one that calls back, as Go expects.
	const later = (fn) => (...args) => {
		const back = args.pop();
		let result;
		try { result = fn(...args); } catch (e) { back(e.code ? e : fail("EIO", String(e))); return; }
		back(null, result);
	};
	const readOnly = later(() => { throw fail("EROFS", "EROFS: wasmtest serves files read-only"); });
	function send(fd, buf) {
		const x = new XMLHttpRequest();
		x.open("POST", "/out?fd=" + fd, false);
		x.send(buf.slice());
		return buf.length;
	}

	globalThis.fs = {
		constants: { O_WRONLY: 1, O_RDWR: 2, O_CREAT: 64, O_TRUNC: 512, O_APPEND: 1024, O_EXCL: 128, O_DIRECTORY: 65536 },
		writeSync: send,
		write: later((fd, buf, off, len) => { if (fd > 2) throw fail("EROFS"); return send(fd, buf.subarray(off, off + len)); }),
		open: later((path, flags) => {
			if (flags & 3) throw fail("EROFS", "EROFS: wasmtest serves files read-only");
			const h = path === "/dev/null" ? { size: 0, dir: false, device: true, time: 0 } : head(path);
			files.set(nextFd, { ...h, path: absolute(path), pos: 0 });
			return nextFd++;
		}),
		read: later((fd, buffer, offset, length, position) => {
			const f = files.get(fd);
			if (!f) { if (fd === 0) return 0; throw fail("EBADF"); }
			const got = readAt(f, position === null || position === undefined ? f.pos : position, length);
			buffer.set(got, offset);
			if (position === null || position === undefined) f.pos += got.length;
			return got.length;
		}),
		close: later((fd) => { files.delete(fd); }),
		fstat: later((fd) => { if (fd < 3) return stats({ size: 0, dir: false, device: true, time: 0 }); const f = files.get(fd); if (!f) throw fail("EBADF"); return stats(f); }),
		stat: later((path) => stats(head(path))),
		lstat: later((path) => stats(head(path))),
		readdir: later((path) => JSON.parse(new TextDecoder().decode(request("GET", absolute(path)).bytes()))),
		fsync: later(() => {}),
		readlink: later(() => { throw fail("EINVAL"); }),
	};
	for (const name of ["chmod", "chown", "fchmod", "fchown", "ftruncate", "lchown", "link", "mkdir", "rename", "rmdir", "symlink", "truncate", "unlink", "utimes"]) {
		globalThis.fs[name] = readOnly;
	}
	globalThis.process = {
		cwd: () => globalThis.wasmtestCwd || "/", chdir(dir) { globalThis.wasmtestCwd = absolute(dir); }, umask: () => 0o22,
		getuid: () => -1, getgid: () => -1, geteuid: () => -1, getegid: () => -1, getgroups: () => [], pid: -1, ppid: -1,
	};
})();
