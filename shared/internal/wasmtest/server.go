//go:build !js

package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

//go:embed fs.js
var fsScript string

//go:embed run.js
var runScript string

type server struct {
	program  string
	args     []string
	cwd      string
	root     string // of the repository
	wasmExec string // wasm_exec.js of the toolchain that built the program
	readable []string
	exit     chan int
}

func newServer(program string, args []string) (*server, error) {
	cwd, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, fmt.Errorf("go env GOROOT: %w", err)
	}
	_, file, _, _ := runtime.Caller(0)
	root := filepath.Join(filepath.Dir(file), "..", "..", "..")
	// `go test` asks for a log of opened files to key its cache; nothing can be written here.
	args = slices.DeleteFunc(args, func(a string) bool { return strings.HasPrefix(a, "-test.testlogfile") })
	return &server{
		program: program, args: append([]string{filepath.Base(program)}, args...), cwd: cwd, root: root,
		wasmExec: filepath.Join(strings.TrimSpace(string(goroot)), "lib", "wasm", "wasm_exec.js"),
		readable: readable(root), exit: make(chan int, 1),
	}, nil
}

// readable lists the folders whose files the program may read.
func readable(root string) []string {
	dirs := []string{root, filepath.Join(root, "..", "shared", "reference"), os.Getenv("PATCHBAY_REFERENCE"), os.Getenv("PATCHBAY_MODELS")}
	if cache, err := os.UserCacheDir(); err == nil {
		dirs = append(dirs, filepath.Join(cache, "patchbay"))
	}
	return slices.DeleteFunc(dirs, func(d string) bool { return d == "" })
}

func (s *server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w, "<!doctype html><title>wasmtest</title><body><script src=/run.js></script>")
	})
	script := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/javascript")
			io.WriteString(w, text)
		}
	}
	mux.HandleFunc("GET /fs.js", script(fsScript))
	mux.HandleFunc("GET /run.js", script(runScript))
	mux.HandleFunc("GET /wasm_exec.js", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, s.wasmExec) })
	mux.HandleFunc("GET /program.wasm", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/wasm")
		http.ServeFile(w, r, s.program)
	})
	mux.Handle("GET /public/", http.StripPrefix("/public/", http.FileServer(http.Dir(filepath.Join(s.root, "public")))))
	mux.HandleFunc("GET /start", s.start)
	mux.HandleFunc("GET /fs/", s.file)
	mux.HandleFunc("POST /out", s.out)
	mux.HandleFunc("POST /exit", s.finish)
	return isolated(mux)
}

// isolated sets the headers that the product sets too, so that shared memory can be tested.
func isolated(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cross-Origin-Opener-Policy", "same-origin")
		w.Header().Set("Cross-Origin-Embedder-Policy", "require-corp")
		w.Header().Set("Cache-Control", "no-store")
		h.ServeHTTP(w, r)
	})
}

// start tells the page what to run. wasm_exec.js takes 8 KiB of arguments and variables at most.
func (s *server) start(w http.ResponseWriter, r *http.Request) {
	env := map[string]string{}
	for _, kv := range os.Environ() {
		k, v, _ := strings.Cut(kv, "=")
		if strings.HasPrefix(k, "PATCHBAY_") || k == "HOME" || k == "XDG_CACHE_HOME" {
			env[k] = v
		}
	}
	_, err := os.Stat(filepath.Join(s.root, "public", "kernels", "kernels.js"))
	json.NewEncoder(w).Encode(map[string]any{
		"args": s.args, "env": env, "cwd": s.cwd, "kernels": err == nil,
		"page": os.Getenv("PATCHBAY_WASMTEST_PAGE") != "",
	})
}

// file answers fs.js: a file's bytes (ranges too), or a folder's names as JSON.
func (s *server) file(w http.ResponseWriter, r *http.Request) {
	path := filepath.Clean(strings.TrimPrefix(r.URL.Path, "/fs"))
	if !s.mayRead(path) {
		http.Error(w, "not readable", http.StatusForbidden)
		return
	}
	info, err := os.Stat(path)
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	w.Header().Set("X-Size", strconv.FormatInt(info.Size(), 10))
	w.Header().Set("X-Time", strconv.FormatInt(info.ModTime().UnixMilli(), 10))
	if info.IsDir() {
		w.Header().Set("X-Dir", "1")
		s.list(w, path)
		return
	}
	f, err := os.Open(path)
	if err != nil {
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	}
	defer f.Close()
	w.Header().Set("Content-Type", "application/octet-stream")
	http.ServeContent(w, r, "", info.ModTime(), f)
}

func (s *server) list(w http.ResponseWriter, path string) {
	entries, _ := os.ReadDir(path)
	names := []string{}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	json.NewEncoder(w).Encode(names)
}

func (s *server) mayRead(path string) bool {
	return slices.ContainsFunc(s.readable, func(dir string) bool {
		rel, err := filepath.Rel(dir, path)
		return err == nil && rel != ".." && !strings.HasPrefix(rel, "../")
	})
}

func (s *server) out(w http.ResponseWriter, r *http.Request) {
	to := os.Stdout
	if r.URL.Query().Get("fd") == "2" {
		to = os.Stderr
	}
	io.Copy(to, r.Body)
}

func (s *server) finish(w http.ResponseWriter, r *http.Request) {
	code, err := strconv.Atoi(r.URL.Query().Get("code"))
	if err != nil {
		code = 2
	}
	select {
	case s.exit <- code:
	default:
	}
}
