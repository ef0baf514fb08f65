package token

import (
	"iter"
	"math/bits"
	"math/rand/v2"

	"patchbay/shared/errs"
)

const maxMerges = 1 << 22

// bpe is byte-level byte pair encoding: the text's bytes are the first symbols, and a list of
// merges says which pairs may be joined, in which order (Sennrich et al. 2016; GPT-2 for the bytes).
type bpe struct {
	vocab  *vocab
	split  splitter
	whole  bool       // a word that is a token is that token, whatever the merges say (Llama 3)
	single [256]int32 // [byte] its token; -1: none
	merges []merge    // [rank]
	slots  []int32    // open addressing over pairs: rank+1, 0 for empty
	mult   uint64     // random and odd, so that no file can choose its collisions
}

type merge struct{ left, right, made int32 }

// newBPE looks every merge up in the vocabulary. One that names no token is an error.
func newBPE(v *vocab, s *specials, split splitter, whole bool, count int, pairs iter.Seq2[string, string]) (*bpe, error) {
	if count > maxMerges {
		return nil, errs.E("", errs.TooLarge, "the tokenizer has %d merges, more than the limit of %d", count, maxMerges)
	}
	b := &bpe{vocab: v, split: split, whole: whole, mult: rand.Uint64() | 1}
	for c := range b.single {
		b.single[c] = v.find(string([]byte{byte(c)}))
	}
	b.merges = make([]merge, 0, count)
	b.slots = make([]int32, tableSize(max(count, 1)))
	var buf []byte
	for left, right := range pairs {
		buf = appendLetterBytes(buf[:0], left)
		n := len(buf)
		buf = appendLetterBytes(buf, right)
		m := merge{b.named(s, buf[:n]), b.named(s, buf[n:]), b.named(s, buf)}
		if m.left < 0 || m.right < 0 || m.made < 0 {
			return nil, errs.E("", errs.Invalid, "merge %d joins %q and %q, and one of these or the whole is no token of the vocabulary",
				len(b.merges), clip(left), clip(right))
		}
		b.addMerge(m)
	}
	return b, nil
}

// addMerge gives the pair the next rank. Of merges given twice the first counts.
func (b *bpe) addMerge(m merge) {
	b.merges = append(b.merges, m)
	if at, other := b.probe(m.left, m.right); other < 0 {
		b.slots[at] = int32(len(b.merges))
	}
}

// named finds a token that a merge speaks of; a few vocabularies have special ones among them.
func (b *bpe) named(s *specials, text []byte) int32 {
	if id := b.vocab.findBytes(text); id >= 0 {
		return id
	}
	if id, ok := s.ids[string(text)]; ok {
		return id
	}
	return -1
}

// probe finds the slot of a pair and the rank in it, or the empty slot where it belongs and -1.
func (b *bpe) probe(left, right int32) (slot int, rank int32) {
	shift := 65 - bits.Len(uint(len(b.slots)))
	mask := len(b.slots) - 1
	key := uint64(uint32(left))<<32 | uint64(uint32(right))
	for i := int(key * b.mult >> shift); ; i = (i + 1) & mask {
		rank := b.slots[i] - 1
		if rank < 0 || b.merges[rank].left == left && b.merges[rank].right == right {
			return i, rank
		}
	}
}

func (b *bpe) join(_ string, left, right *symbol) (int32, uint32, bool) {
	_, rank := b.probe(left.id, right.id)
	if rank < 0 {
		return 0, 0, false
	}
	return b.merges[rank].made, uint32(rank), true
}

func (b *bpe) encode(ids []int32, text string, m *merger) ([]int32, error) {
	var err error
	for word := range b.split(text) {
		if ids, err = b.word(ids, word, m); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

func (b *bpe) word(ids []int32, word string, m *merger) ([]int32, error) {
	if b.whole {
		if id := b.vocab.find(word); id >= 0 {
			return append(ids, id), nil
		}
	}
	m.start(word, len(word))
	for i := range len(word) {
		id := b.single[word[i]]
		if id < 0 {
			return nil, errs.E("", errs.Invalid, "byte 0x%02X in %q has no token in this model's vocabulary: leave it out", word[i], clip(word))
		}
		m.add(i+1, id)
	}
	m.run(b)
	for i := int32(0); i >= 0; i = m.symbols[i].next {
		ids = append(ids, m.symbols[i].id)
	}
	return ids, nil
}

// clip shortens a text for an error message.
func clip(s string) string {
	if len(s) > 40 {
		return s[:40] + "..."
	}
	return s
}
