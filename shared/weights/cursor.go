package weights

import (
	"encoding/binary"
	"io"
	"math"
	"strings"
	"unicode/utf8"
	"unsafe"

	"patchbay/shared/errs"
)

// cursor walks the header of a GGUF file through a window, so that a vocabulary of 262,144
// tokens costs a few reads and not one per token. The first failure stays in err, and every
// later read returns zeros.
type cursor struct {
	r      io.ReaderAt
	size   int64 // of the file
	pos    int64 // of the next byte
	window []byte
	start  int64 // place of the window's first byte
	name   string
	err    error
}

const windowSize = 256 << 10

func le32(b []byte) uint32 { return binary.LittleEndian.Uint32(b) }
func le64(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }

func (c *cursor) left() int64 { return c.size - c.pos }

// bad is the error for a malformed file.
func (c *cursor) bad(format string, args ...any) error {
	return errs.E(opGGUF, errs.Invalid, "%s is malformed: "+format, append([]any{c.name}, args...)...)
}

func (c *cursor) fail(err error) {
	if c.err == nil {
		c.err = err
	}
}

// room checks that n more bytes are in the file and under the limit of a header.
func (c *cursor) room(n int64, what string) bool {
	switch {
	case c.err != nil:
	case n > c.left():
		c.fail(c.bad("it ends within the %s at byte %d: %d bytes are needed, %d are left", what, c.pos, n, c.left()))
	case c.pos+n > maxMeta:
		c.fail(errs.E(opGGUF, errs.TooLarge, "%s: its metadata is over %d MiB", c.name, maxMeta>>20))
	}
	return c.err == nil
}

// take gives the next n bytes, valid until the next call.
func (c *cursor) take(n int, what string) []byte {
	if !c.room(int64(n), what) {
		return nil
	}
	at := c.pos - c.start
	if c.window == nil || at+int64(n) > int64(len(c.window)) {
		if !c.fill(n) {
			return nil
		}
		at = 0
	}
	c.pos += int64(n)
	return c.window[at : at+int64(n)]
}

// fill moves the window to the next byte and makes it hold at least n; room was checked.
func (c *cursor) fill(n int) bool {
	want := int(min(max(int64(n), windowSize), c.left()))
	if cap(c.window) < want {
		c.window = make([]byte, want)
	}
	c.window, c.start = c.window[:want], c.pos
	if got, err := c.r.ReadAt(c.window, c.pos); got < want {
		c.window = nil
		c.fail(errs.E(opGGUF, errs.Corrupt, "reading %s at byte %d: %w", c.name, c.pos, noEOF(err)))
		return false
	}
	return true
}

func (c *cursor) u32(what string) uint32 {
	if b := c.take(4, what); b != nil {
		return le32(b)
	}
	return 0
}

func (c *cursor) u64(what string) uint64 {
	if b := c.take(8, what); b != nil {
		return le64(b)
	}
	return 0
}

// length reads a length in bytes and checks it against a limit and the file.
func (c *cursor) length(what string, limit int) int {
	n := c.u64(what) // no text is put together here: it runs once per token of a vocabulary
	if c.err == nil && n > uint64(limit) {
		c.fail(c.bad("the %s before byte %d claims %d bytes (limit %d)", what, c.pos, n, limit))
	}
	if c.err != nil || !c.room(int64(n), what) {
		return 0
	}
	return int(n)
}

func (c *cursor) text(what string, limit int) string {
	n := c.length(what, limit)
	return string(c.take(n, what))
}

// The types of metadata values.
const (
	metaU8 = iota
	metaI8
	metaU16
	metaI16
	metaU32
	metaI32
	metaF32
	metaBool
	metaText
	metaList
	metaU64
	metaI64
	metaF64
)

var metaSize = map[uint32]int{metaU8: 1, metaI8: 1, metaU16: 2, metaI16: 2, metaU32: 4, metaI32: 4, metaF32: 4, metaBool: 1, metaU64: 8, metaI64: 8, metaF64: 8}

// value reads one metadata value.
func (c *cursor) value(kind uint32) any {
	switch kind {
	case metaText:
		return strings.ToValidUTF8(c.text("text", maxText), "�")
	case metaList:
		return c.list()
	}
	size, ok := metaSize[kind]
	if !ok {
		c.fail(c.bad("metadata type %d does not exist", kind))
		return nil
	}
	b := c.take(size, "metadata value")
	if c.err != nil {
		return nil
	}
	return scalar(kind, b)
}

func scalar(kind uint32, b []byte) any {
	switch kind {
	case metaU8:
		return b[0]
	case metaI8:
		return int8(b[0])
	case metaU16:
		return binary.LittleEndian.Uint16(b)
	case metaI16:
		return int16(binary.LittleEndian.Uint16(b))
	case metaU32:
		return le32(b)
	case metaI32:
		return int32(le32(b))
	case metaF32:
		return math.Float32frombits(le32(b))
	case metaBool:
		return b[0] != 0
	case metaU64:
		return le64(b)
	case metaI64:
		return int64(le64(b))
	}
	return math.Float64frombits(le64(b))
}

// list reads an array of texts or numbers.
func (c *cursor) list() any {
	kind, n := c.u32("type of a list"), c.u64("length of a list")
	size, ok := metaSize[kind]
	if kind == metaText {
		size, ok = 8, true // at least a length each
	}
	switch {
	case c.err != nil:
		return nil
	case kind == metaList:
		c.fail(errs.E(opGGUF, errs.Unsupported, "%s: lists of lists are not supported", c.name))
	case !ok:
		c.fail(c.bad("list type %d does not exist", kind))
	case n > maxList || int64(n) > c.left()/int64(size):
		c.fail(c.bad("a list claims %d elements, more than the %d bytes left can hold (limit %d)", n, c.left(), maxList))
	case kind == metaText:
		return c.texts(int(n))
	default:
		return c.numbers(kind, int(n))
	}
	return nil
}

// texts reads n texts into one block of memory that they share. Token text must be UTF-8: a
// vocabulary with damaged text would give damaged answers.
func (c *cursor) texts(n int) []string {
	data := make([]byte, 0, min(16*int64(n), c.left()))
	ends := make([]uint32, n) // maxMeta bounds the sum far below 4 GiB
	for i := range ends {
		k := c.length("text", maxText)
		data = append(data, c.take(k, "text")...)
		if c.err != nil {
			return nil
		}
		ends[i] = uint32(len(data))
	}
	out, from := make([]string, n), uint32(0)
	for i, to := range ends {
		out[i] = unsafe.String(unsafe.SliceData(data[from:]), int(to-from))
		if !utf8.ValidString(out[i]) {
			c.fail(c.bad("text %d of a list is no UTF-8", i))
			return nil
		}
		from = to
	}
	return out
}

func (c *cursor) numbers(kind uint32, n int) any {
	switch kind {
	case metaU8:
		return fill(c, n, 1, func(b []byte) uint8 { return b[0] })
	case metaI8:
		return fill(c, n, 1, func(b []byte) int8 { return int8(b[0]) })
	case metaU16:
		return fill(c, n, 2, func(b []byte) uint16 { return binary.LittleEndian.Uint16(b) })
	case metaI16:
		return fill(c, n, 2, func(b []byte) int16 { return int16(binary.LittleEndian.Uint16(b)) })
	case metaU32:
		return fill(c, n, 4, le32)
	case metaI32:
		return fill(c, n, 4, func(b []byte) int32 { return int32(le32(b)) })
	case metaF32:
		return fill(c, n, 4, func(b []byte) float32 { return math.Float32frombits(le32(b)) })
	case metaBool:
		return fill(c, n, 1, func(b []byte) bool { return b[0] != 0 })
	case metaU64:
		return fill(c, n, 8, le64)
	case metaI64:
		return fill(c, n, 8, func(b []byte) int64 { return int64(le64(b)) })
	}
	return fill(c, n, 8, func(b []byte) float64 { return math.Float64frombits(le64(b)) })
}

// fill reads n numbers of size bytes each, a window at a time; list checked that the file has them.
func fill[T any](c *cursor, n, size int, read func([]byte) T) []T {
	out := make([]T, n)
	for done := 0; done < n; {
		k := min(n-done, windowSize/size)
		b := c.take(k*size, "list")
		if c.err != nil {
			return nil
		}
		for i := range k {
			out[done+i] = read(b[i*size:])
		}
		done += k
	}
	return out
}
