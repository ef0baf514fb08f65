package main

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// The records of a program's functions are offsets for the most part, each its neighbour's plus
// a little or one of a few: in rows brotli finds no repetitions there. So the module carries
// them as columns of short codes, which its start function (start.go) lays out as Go's runtime
// wants them before the program begins: 50 KB less of the worker.

// recordWords is the length of a record's fixed part (runtime2.go, _func).
const recordWords = 11

// column is a run of words in memory at equal distances.
type column struct {
	at, stride int64
	words      []uint32
}

// columns takes the functions' records and their index out of a program's memory, which begins
// at start, and returns them as columns. All records get the same length.
func (t *pclntab) columns(start int64) ([]column, error) {
	rows, pcs, datas, err := t.rows()
	if err != nil {
		return nil, err
	}
	width := recordWords + pcs + datas
	index := 8*t.nfunc + 4 // ended by the end of the last function
	room := t.recordsEnd() - t.records
	if index+4*width*t.nfunc > room {
		return nil, fmt.Errorf("%d functions of %d words do not fit where their records were, %d bytes", t.nfunc, width, room)
	}
	entries, offsets := make([]uint32, t.nfunc), make([]uint32, t.nfunc)
	for i := range entries {
		entries[i] = binary.LittleEndian.Uint32(t.b[t.records+8*i:])
		offsets[i] = uint32(index + 4*width*i)
	}
	base := start + int64(t.at+t.records)
	columns := []column{{base, 8, entries}, {base + 4, 8, offsets}}
	for c := range width {
		words := make([]uint32, t.nfunc)
		for i, row := range rows {
			words[i] = row[c]
		}
		if slices.Max(words) != 0 {
			columns = append(columns, column{base + int64(index+4*c), int64(4 * width), words})
		}
	}
	clear(t.b[t.records : t.records+index-4])
	clear(t.b[t.records+index : t.records+room])
	return columns, nil
}

// rows are all records with as many tables (pcs) and pointers (datas) as any of them needs.
func (t *pclntab) rows() (rows [][]uint32, pcs, datas int, err error) {
	for i := range t.nfunc {
		f := t.record(i)
		n, d := int(f[7]), int(f[10]>>24)
		for k := range n {
			if f[recordWords+k] != 0 {
				pcs = max(pcs, k+1)
			}
		}
		for k := range d {
			if f[recordWords+n+k] != ^uint32(0) {
				datas = max(datas, k+1)
			}
		}
		rows = append(rows, f)
	}
	for i, f := range rows {
		n := int(f[7])
		row := slices.Grow(slices.Clone(f[:recordWords]), pcs+datas)[:recordWords+pcs+datas]
		copy(row[recordWords:], f[recordWords:recordWords+min(n, pcs)])
		for k := range datas {
			row[recordWords+pcs+k] = ^uint32(0)
		}
		copy(row[recordWords+pcs:], f[recordWords+n:])
		row[7] = uint32(pcs)
		row[10] = row[10]&0xffffff | uint32(datas)<<24
		rows[i] = row
	}
	return rows, pcs, datas, nil
}

// encodeColumns writes columns for the start function: address, stride, and the dictionary's
// length as words, the dictionary, then the codes' low bytes and their high bytes. An even code
// is what a word is larger by than the last such word; an odd one is a place in the dictionary,
// which has the words that come again, the frequent ones first.
func encodeColumns(columns []column) ([]byte, error) {
	var out []byte
	for _, c := range columns {
		codes, dict := c.codes()
		if len(dict) >= 1<<15 {
			return nil, fmt.Errorf("a column of the functions' records has %d words in its dictionary, %d at most", len(dict), 1<<15-1)
		}
		for _, w := range slices.Concat([]uint32{uint32(c.at), uint32(c.stride), uint32(len(dict))}, dict) {
			out = binary.LittleEndian.AppendUint32(out, w)
		}
		for shift := 0; shift <= 8; shift += 8 {
			for _, code := range codes {
				out = append(out, byte(code>>shift))
			}
		}
	}
	return out, nil
}

func (c *column) codes() (codes []uint16, dict []uint32) {
	count := map[uint32]int{}
	for _, w := range c.words {
		count[w]++
	}
	last := uint32(0)
	fresh := make([]bool, len(c.words)) // coded by its distance
	listed := map[uint32]bool{}
	for i, w := range c.words {
		if fresh[i] = count[w] == 1 && w >= last && w-last < 1<<15; fresh[i] {
			last = w
		} else if !listed[w] {
			listed[w] = true
			dict = append(dict, w)
		}
	}
	slices.SortStableFunc(dict, func(a, b uint32) int { return count[b] - count[a] })
	place := map[uint32]int{}
	for i, w := range dict {
		place[w] = i
	}
	last = 0
	for i, w := range c.words {
		if fresh[i] {
			codes = append(codes, uint16(w-last)<<1)
			last = w
		} else {
			codes = append(codes, uint16(place[w])<<1|1)
		}
	}
	return codes, dict
}
