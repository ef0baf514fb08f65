package token

import (
	"hash/maphash"
	"math/bits"
	"unsafe"

	"patchbay/shared/errs"
)

// kind is a token's type, with the numbers that GGUF gives it.
type kind uint8

const (
	normal      kind = 1
	unknown     kind = 2
	control     kind = 3
	userDefined kind = 4
	unused      kind = 5
	byteToken   kind = 6
)

func (k kind) control() bool { return k == control || k == unknown }

const (
	maxTokens    = 1 << 21 // eight times Gemma's
	maxTokenText = 4096    // bytes of one token
	maxVocabText = 1 << 28 // bytes of all tokens
)

// vocab is the tokens' bytes, lean: one string for all of them and a hash table of ids.
type vocab struct {
	text    string   // of all tokens, one after the other
	end     []uint32 // [id] where the token's text ends in text
	kind    []kind   // [id]
	slots   []int32  // open addressing: id+1 of a normal token, 0 for empty
	seed    maphash.Seed
	longest int // bytes of the longest normal token
}

// newVocab takes the tokens' bytes in the order of their ids: token appends them to all. Two normal
// tokens with the same bytes are an error, for then no text could tell which of them is meant.
func newVocab(size int, token func(all []byte, id int) ([]byte, kind)) (*vocab, error) {
	if size == 0 {
		return nil, errs.E("", errs.Invalid, "the vocabulary is empty")
	}
	if size > maxTokens {
		return nil, errs.E("", errs.TooLarge, "the vocabulary has %d tokens, more than the limit of %d", size, maxTokens)
	}
	v := &vocab{end: make([]uint32, size), kind: make([]kind, size), seed: maphash.MakeSeed()}
	v.slots = make([]int32, tableSize(size))
	all := make([]byte, 0, size*8)
	for id := range size {
		from := len(all)
		all, v.kind[id] = token(all, id)
		if n := len(all) - from; n > maxTokenText {
			return nil, errs.E("", errs.TooLarge, "token %d has %d bytes, more than the limit of %d", id, n, maxTokenText)
		}
		if len(all) > maxVocabText {
			return nil, errs.E("", errs.TooLarge, "the first %d tokens have more than %d bytes together", id+1, maxVocabText)
		}
		v.end[id] = uint32(len(all))
	}
	v.text = string(all)
	return v, v.index()
}

// tableSize is a power of two that n entries fill to a half at most.
func tableSize(n int) int { return 1 << bits.Len(uint(2*n-1)) }

// index fills the hash table.
func (v *vocab) index() error {
	for id, k := range v.kind {
		s := v.at(int32(id))
		if k != normal || s == "" {
			continue
		}
		at, other := v.probe(s)
		if other >= 0 {
			return errs.E("", errs.Invalid, "tokens %d and %d are both %q", other, id, s)
		}
		v.slots[at] = int32(id) + 1
		v.longest = max(v.longest, len(s))
	}
	return nil
}

// probe finds the slot of a text and the id in it, or the empty slot where it belongs and -1.
func (v *vocab) probe(s string) (slot int, id int32) {
	mask := len(v.slots) - 1
	for i := int(maphash.String(v.seed, s)) & mask; ; i = (i + 1) & mask {
		id := v.slots[i] - 1
		if id < 0 || v.at(id) == s {
			return i, id
		}
	}
}

// find gives the normal token with these bytes, or -1.
func (v *vocab) find(s string) int32 {
	if len(s) > v.longest {
		return -1
	}
	_, id := v.probe(s)
	return id
}

// findBytes is find without a copy: the string made here is looked at and not kept.
func (v *vocab) findBytes(b []byte) int32 { return v.find(unsafe.String(unsafe.SliceData(b), len(b))) }

func (v *vocab) size() int         { return len(v.end) }
func (v *vocab) has(id int32) bool { return id >= 0 && int(id) < len(v.end) }

// at is a token's bytes; empty for an id outside the vocabulary.
func (v *vocab) at(id int32) string {
	if !v.has(id) {
		return ""
	}
	from := uint32(0)
	if id > 0 {
		from = v.end[id-1]
	}
	return v.text[from:v.end[id]]
}

func (v *vocab) kindOf(id int32) kind {
	if !v.has(id) {
		return unused
	}
	return v.kind[id]
}
