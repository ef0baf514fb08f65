package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"patchbay/shared/errs"
)

// mapKV is a KV in memory. After left more puts it is full.
type mapKV struct {
	m    map[string][]byte
	left int
}

var errFull = errs.E("test", errs.NoSpace, "full")

func (k *mapKV) Get(_ context.Context, key string) ([]byte, bool, error) {
	v, ok := k.m[key]
	return v, ok, nil
}

func (k *mapKV) Put(_ context.Context, pairs ...Pair) error {
	if k.left == 0 {
		return errFull
	}
	k.left--
	for _, p := range pairs {
		k.m[p.Key] = bytes.Clone(p.Value)
	}
	return nil
}

func (k *mapKV) Delete(_ context.Context, keys ...string) error {
	for _, key := range keys {
		delete(k.m, key)
	}
	return nil
}

// fixture is a store over a map, and the file that its server has.
type fixture struct {
	*Store
	kv    *mapKV
	file  []byte
	want  Want
	froms []int64 // where downloads began
	cut   int64   // the server breaks off after so many bytes; 0: never
	plain bool    // the server knows no ranges
}

func newFixture(size int) *fixture {
	f := &fixture{kv: &mapKV{map[string][]byte{}, -1}, file: make([]byte, size)}
	rand.NewChaCha8([32]byte{7}).Read(f.file)
	sum := sha256.Sum256(f.file)
	f.want = Want{"m", int64(size), hex.EncodeToString(sum[:])}
	f.Store = &Store{Shelf: &Chunks{f.kv, "map"}, Source: f.source}
	return f
}

func (f *fixture) source(_ context.Context, _ string, from int64) (io.ReadCloser, int64, error) {
	f.froms = append(f.froms, from)
	if f.plain {
		from = 0
	}
	var r io.Reader = bytes.NewReader(f.file[from:])
	if f.cut > 0 {
		r = io.MultiReader(io.LimitReader(r, f.cut), broken{})
	}
	return io.NopCloser(r), from, nil
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("connection reset") }

func quiet(string, int64, int64) {}

// check reads the stored file back through small and large reads.
func (f *fixture) check(t *testing.T) {
	t.Helper()
	b, err := f.Open(t.Context(), f.want)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	got, err := io.ReadAll(io.NewSectionReader(b, 0, f.want.Size))
	if err != nil || !bytes.Equal(got, f.file) {
		t.Fatalf("%d bytes came back of %d, %v", len(got), len(f.file), err)
	}
	p := make([]byte, 100)
	if n, err := b.ReadAt(p, f.want.Size-40); n != 40 || err != io.EOF {
		t.Errorf("reading past the end: %d, %v", n, err)
	}
	if _, err := b.ReadAt(p, chunkSize-50); err != nil || !bytes.Equal(p, f.file[chunkSize-50:chunkSize+50]) {
		t.Errorf("reading across pieces: %v", err)
	}
}

func TestFetchKeepsTheWholeFile(t *testing.T) {
	f := newFixture(2*chunkSize + 12345)
	var last int64
	err := f.Fetch(t.Context(), f.want, func(stage string, done, total int64) {
		if stage != "fetch" || done < last || total != f.want.Size {
			t.Errorf("progress %s %d of %d after %d", stage, done, total, last)
		}
		last = done
	})
	if err != nil || last != f.want.Size {
		t.Fatalf("%v, progress ended at %d", err, last)
	}
	f.check(t)
	if err := f.Fetch(t.Context(), f.want, quiet); err != nil || len(f.froms) != 1 {
		t.Errorf("a stored file was fetched again: %v, %v", f.froms, err)
	}
}

func TestBrokenDownloadResumes(t *testing.T) {
	for _, cut := range []int64{1, chunkSize - 1, chunkSize, chunkSize + 777} {
		f := newFixture(2*chunkSize + 5)
		f.cut = cut
		if err := f.Fetch(t.Context(), f.want, quiet); errs.KindOf(err) != errs.Gone || !strings.Contains(err.Error(), "connection reset") {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		if have, whole, _ := f.Stat(t.Context(), f.want); have != cut || whole {
			t.Fatalf("cut at %d: %d bytes stored, whole %v", cut, have, whole)
		}
		if _, err := f.Open(t.Context(), f.want); errs.KindOf(err) != errs.NotFound {
			t.Fatalf("a half file opened: %v", err)
		}
		f.cut = 0
		if err := f.Fetch(t.Context(), f.want, quiet); err != nil {
			t.Fatal(err)
		}
		if f.froms[1] != cut {
			t.Errorf("resumed from %d, not %d", f.froms[1], cut)
		}
		f.check(t)
	}
}

func TestServerWithoutRangesStartsOver(t *testing.T) {
	f := newFixture(chunkSize + 100)
	f.cut, f.plain = 1000, true
	f.Fetch(t.Context(), f.want, quiet)
	f.cut = 0
	if err := f.Fetch(t.Context(), f.want, quiet); err != nil {
		t.Fatal(err)
	}
	f.check(t)
}

func TestCancelKeepsWhatCame(t *testing.T) {
	f := newFixture(3 * chunkSize)
	ctx, cancel := context.WithCancel(t.Context())
	err := f.Fetch(ctx, f.want, func(_ string, done, _ int64) {
		if done > chunkSize {
			cancel()
		}
	})
	if errs.KindOf(err) != errs.Cancelled {
		t.Fatalf("%v", err)
	}
	if have, whole, _ := f.Stat(t.Context(), f.want); have <= chunkSize || whole {
		t.Fatalf("%d bytes kept, whole %v", have, whole)
	}
}

func TestWrongDigestIsThrownAway(t *testing.T) {
	f := newFixture(5000)
	f.want.Digest = strings.Repeat("0", 64)
	if err := f.Fetch(t.Context(), f.want, quiet); errs.KindOf(err) != errs.Corrupt {
		t.Fatalf("%v", err)
	}
	if len(f.kv.m) != 0 {
		t.Errorf("left behind: %d entries", len(f.kv.m))
	}
}

func TestStaleHalfIsFetchedAnew(t *testing.T) {
	f := newFixture(chunkSize + 100)
	f.cut = 600
	f.Fetch(t.Context(), f.want, quiet)
	f.cut = 0
	f.kv.m["data/m/000000"][5] ^= 1 // belongs to another version
	if err := f.Fetch(t.Context(), f.want, quiet); err != nil {
		t.Fatal(err)
	}
	f.check(t)
}

func TestFullStorage(t *testing.T) {
	f := newFixture(3 * chunkSize)
	f.kv.left = 2 // the meta record and one piece
	if err := f.Fetch(t.Context(), f.want, quiet); errs.KindOf(err) != errs.NoSpace {
		t.Fatalf("%v", err)
	}
	if have, whole, _ := f.Stat(t.Context(), f.want); have != chunkSize || whole {
		t.Errorf("%d bytes stored, whole %v", have, whole)
	}
	f.kv.left = -1
	if err := f.Fetch(t.Context(), f.want, quiet); err != nil {
		t.Fatal(err)
	}
	f.check(t)
}

func TestNoRoomIsSaidBeforeTheDownload(t *testing.T) {
	f := newFixture(chunkSize)
	f.Room = func(context.Context) (int64, int64) { return 1_000_000, 5_000_000 }
	err := f.Fetch(t.Context(), f.want, quiet)
	if errs.KindOf(err) != errs.NoSpace || !strings.Contains(err.Error(), "5 MB") {
		t.Fatalf("%v", err)
	}
	if len(f.froms) != 0 {
		t.Error("the download began all the same")
	}
}

func TestTooLongIsRefused(t *testing.T) {
	f := newFixture(5000)
	f.want.Size = 4000
	if err := f.Fetch(t.Context(), f.want, quiet); errs.KindOf(err) != errs.Corrupt {
		t.Fatalf("%v", err)
	}
}

func TestDeleteLeavesNothing(t *testing.T) {
	f := newFixture(2*chunkSize + 1)
	if err := f.Fetch(t.Context(), f.want, quiet); err != nil {
		t.Fatal(err)
	}
	if err := f.Delete(t.Context(), "m"); err != nil || len(f.kv.m) != 0 {
		t.Fatalf("%v, %d entries left", err, len(f.kv.m))
	}
	if err := f.Delete(t.Context(), "m"); err != nil {
		t.Errorf("deleting what is not there: %v", err)
	}
}

func TestLostPieceIsSaid(t *testing.T) {
	f := newFixture(2 * chunkSize)
	if err := f.Fetch(t.Context(), f.want, quiet); err != nil {
		t.Fatal(err)
	}
	delete(f.kv.m, "data/m/000001")
	b, err := f.Open(t.Context(), f.want)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.ReadAt(make([]byte, 10), chunkSize); errs.KindOf(err) != errs.Corrupt {
		t.Fatalf("%v", err)
	}
}
