package weights

import (
	"io"
	"maps"
	"slices"
	"strconv"
	"unicode/utf8"

	"patchbay/shared/errs"
	"patchbay/shared/tensor"
)

// Named is an array with the name it has in a file or frame.
type Named struct {
	Name string
	tensor.Array
}

// WriteSafetensors writes the arrays in the given order, which is their order in the data too;
// metadata keys are sorted. Equal input gives equal bytes.
func WriteSafetensors(w io.Writer, arrays []Named, meta map[string]string) error {
	head, _, err := appendHeader(nil, arrays, meta)
	if err != nil {
		return err
	}
	if _, err := w.Write(head); err != nil {
		return errs.E(opWrite, errs.Other, "writing safetensors: %w", err)
	}
	for _, a := range arrays {
		if _, err := w.Write(a.Data); err != nil {
			return errs.E(opWrite, errs.Other, "writing tensor %s: %w", a.Name, err)
		}
	}
	return nil
}

// AppendSafetensors appends a blob to dst, which grows at most twice. Frames are made with it.
func AppendSafetensors(dst []byte, arrays []Named, meta map[string]string) ([]byte, error) {
	dst, size, err := appendHeader(dst, arrays, meta)
	if err != nil {
		return nil, err
	}
	dst = slices.Grow(dst, size)
	for _, a := range arrays {
		dst = append(dst, a.Data...)
	}
	return dst, nil
}

const opWrite = "weights.WriteSafetensors"

// appendHeader appends the length and the header, padded so that the data starts at a multiple
// of 8 of the blob, and gives the size of the data.
func appendHeader(dst []byte, arrays []Named, meta map[string]string) ([]byte, int, error) {
	start := len(dst)
	dst = slices.Grow(dst, headerGuess(arrays, meta))
	dst = append(dst, "\x00\x00\x00\x00\x00\x00\x00\x00{"...)
	if len(meta) > 0 {
		dst = append(dst, `"__metadata__":{`...)
		for i, k := range slices.Sorted(maps.Keys(meta)) {
			dst = comma(dst, i)
			dst = append(quote(dst, k), ':')
			dst = quote(dst, meta[k])
		}
		dst = append(dst, '}')
	}
	at, seen := 0, make(map[string]bool, len(arrays))
	for i, a := range arrays {
		if err := writable(a, seen); err != nil {
			return nil, 0, err
		}
		if i > 0 || len(meta) > 0 {
			dst = append(dst, ',')
		}
		dst = appendEntry(dst, a, at)
		at += len(a.Data)
	}
	dst = append(dst, '}')
	for (len(dst)-start)%8 != 0 {
		dst = append(dst, ' ')
	}
	n := len(dst) - start - 8
	if n > maxHeader {
		return nil, 0, errs.E(opWrite, errs.TooLarge, "the safetensors header would take %d bytes (limit %d)", n, maxHeader)
	}
	putLE64(dst[start:], uint64(n))
	return dst, at, nil
}

// writable refuses what no reader would take.
func writable(a Named, seen map[string]bool) error {
	if err := a.Validate(); err != nil {
		return errs.E(opWrite, errs.Other, "tensor %q: %w", clip(a.Name), err)
	}
	if _, err := stType(a.DType.String()); err != nil {
		return errs.E(opWrite, errs.Unsupported, "tensor %q: safetensors has no type %s", clip(a.Name), a.DType)
	}
	if a.Name == "__metadata__" || !utf8.ValidString(a.Name) || seen[a.Name] || len(a.Shape) > maxRank {
		return errs.E(opWrite, errs.Invalid, "tensor name %q is there twice, reserved or no UTF-8, or its shape has over %d dimensions", clip(a.Name), maxRank)
	}
	seen[a.Name] = true
	return nil
}

func appendEntry(dst []byte, a Named, at int) []byte {
	dst = quote(dst, a.Name)
	dst = append(dst, `:{"dtype":"`...)
	dst = append(dst, a.DType.String()...)
	dst = append(dst, `","shape":[`...)
	for i, n := range a.Shape {
		dst = strconv.AppendInt(comma(dst, i), int64(n), 10)
	}
	dst = append(dst, `],"data_offsets":[`...)
	dst = append(strconv.AppendInt(dst, int64(at), 10), ',')
	dst = strconv.AppendInt(dst, int64(at+len(a.Data)), 10)
	return append(dst, "]}"...)
}

func comma(dst []byte, i int) []byte {
	if i > 0 {
		return append(dst, ',')
	}
	return dst
}

// headerGuess is about the header's size, so that writing it rarely grows the slice.
func headerGuess(arrays []Named, meta map[string]string) int {
	n := 64
	for k, v := range meta {
		n += len(k) + len(v) + len(v)/4 + 8
	}
	for _, a := range arrays {
		n += len(a.Name) + 96
	}
	return n
}

// plain marks the bytes that stand in a JSON string as they are.
var plain = func() (t [256]bool) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// quote appends s as a JSON string. What is no UTF-8 becomes U+FFFD.
func quote(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for len(s) > 0 {
		n := 0
		for n < len(s) && plain[s[n]] {
			n++
		}
		dst = append(dst, s[:n]...)
		if s = s[n:]; len(s) == 0 {
			break
		}
		if s[0] < utf8.RuneSelf {
			dst = escape(dst, s[0])
			s = s[1:]
			continue
		}
		r, size := utf8.DecodeRuneInString(s) // U+FFFD, 1 for a damaged byte
		dst = utf8.AppendRune(dst, r)
		s = s[size:]
	}
	return append(dst, '"')
}

// escape appends a character that may not stand in a JSON string.
func escape(dst []byte, c byte) []byte {
	const hex = "0123456789abcdef"
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, '\\', 'n')
	}
	return append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
}

func putLE64(b []byte, v uint64) {
	for i := range 8 {
		b[i] = byte(v >> (8 * i))
	}
}
