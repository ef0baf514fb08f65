package wire

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math/bits"

	"patchbay/shared/errs"
	"patchbay/shared/tensor"
)

// maxTensors bounds how many arrays one message may carry.
const maxTensors = 1 << 16

// entry is a tensor in the header of a safetensors blob.
type entry struct {
	DType   string `json:"dtype"`
	Shape   []int  `json:"shape"`
	Offsets [2]int `json:"data_offsets"`
}

// writeBlob lays the message out as a safetensors blob; header is the bytes before the arrays.
func writeBlob(m Message) (blob []byte, header int, err error) {
	var head bytes.Buffer
	head.WriteString(`{"__metadata__":`)
	meta := map[string]string{}
	if m.Body != nil {
		meta["msg"] = string(m.Body)
	}
	size := 0
	for _, t := range m.Tensors {
		if t.Enc != "" {
			meta["enc."+t.Name] = t.Enc
		}
		size += len(t.Data)
	}
	if err := writeJSON(&head, meta); err != nil {
		return nil, 0, err
	}
	off := 0
	for _, t := range m.Tensors {
		if want, err := t.bytes(); err != nil || want != len(t.Data) {
			return nil, 0, errs.E("wire.Encode", errs.Invalid, "tensor %q has %d bytes, its shape %v of %s needs %d", t.Name, len(t.Data), t.Shape, t.DType, want)
		}
		head.WriteByte(',')
		if err := writeJSON(&head, t.Name); err != nil {
			return nil, 0, err
		}
		head.WriteByte(':')
		shape := t.Shape
		if shape == nil {
			shape = []int{}
		}
		if err := writeJSON(&head, entry{t.DType.String(), shape, [2]int{off, off + len(t.Data)}}); err != nil {
			return nil, 0, err
		}
		off += len(t.Data)
	}
	head.WriteByte('}')
	for head.Len()%8 != 0 {
		head.WriteByte(' ')
	}
	header = 8 + head.Len()
	blob = make([]byte, 8, header+size)
	binary.LittleEndian.PutUint64(blob, uint64(head.Len()))
	blob = append(blob, head.Bytes()...)
	for _, t := range m.Tensors {
		blob = append(blob, t.Data...)
	}
	return blob, header, nil
}

func writeJSON(b *bytes.Buffer, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return errs.E("wire.Encode", errs.Other, "%w", err)
	}
	b.Write(raw)
	return nil
}

// readBlob reads a safetensors blob by the strict rules: every byte belongs to exactly one
// array, in the order of the header, and no name stands twice. The tensors share blob's memory.
func readBlob(blob []byte) (*Message, error) {
	if len(blob) < 8 {
		return nil, bad("a message of %d bytes has no safetensors header", len(blob))
	}
	n := binary.LittleEndian.Uint64(blob)
	if n > uint64(len(blob)-8) {
		return nil, bad("the safetensors header claims %d bytes of a message of %d", n, len(blob))
	}
	meta, tensors, err := readHeader(blob[8 : 8+n])
	if err != nil {
		return nil, err
	}
	if err := place(tensors, blob[8+n:]); err != nil {
		return nil, err
	}
	m := &Message{}
	if msg, ok := meta["msg"]; ok {
		if !json.Valid([]byte(msg)) {
			return nil, bad("the message is not JSON")
		}
		m.Body = json.RawMessage(msg)
	}
	for _, t := range tensors {
		t.Enc = meta["enc."+t.Name]
		m.Tensors = append(m.Tensors, t.Tensor)
	}
	return m, nil
}

type placed struct {
	Tensor
	from, to int
}

func readHeader(raw []byte) (map[string]string, []placed, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, nil, bad("the safetensors header is not a JSON object")
	}
	var meta map[string]string
	var tensors []placed
	seen := map[string]bool{}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, nil, bad("the safetensors header does not read: %w", err)
		}
		name := key.(string) // a decoder gives only strings here
		if seen[name] || len(seen) > maxTensors {
			return nil, nil, bad("the safetensors header names %q twice or has more than %d entries", name, maxTensors)
		}
		seen[name] = true
		if name == "__metadata__" {
			err = dec.Decode(&meta)
		} else {
			var e entry
			if err = dec.Decode(&e); err == nil {
				tensors = append(tensors, placed{Tensor{Name: name, Shape: e.Shape}, e.Offsets[0], e.Offsets[1]})
				err = tensors[len(tensors)-1].setType(e.DType)
			}
		}
		if err != nil {
			return nil, nil, bad("safetensors entry %q: %w", name, err)
		}
	}
	if _, err := dec.Token(); err != nil || len(bytes.TrimRight(raw[dec.InputOffset():], " ")) > 0 {
		return nil, nil, bad("the safetensors header does not end where it should")
	}
	return meta, tensors, nil
}

var byName = map[string]tensor.DType{"F32": tensor.F32, "F16": tensor.F16, "BF16": tensor.BF16,
	"I8": tensor.I8, "U8": tensor.U8, "I32": tensor.I32, "I64": tensor.I64}

func (t *Tensor) setType(name string) error {
	dt, ok := byName[name]
	if !ok {
		return errs.E(opRead, errs.Unsupported, "element type %q is not known", name)
	}
	t.DType = dt
	return nil
}

// bytes is the size that the shape asks for, with overflow checked.
func (t Tensor) bytes() (int, error) {
	_, size := t.DType.Block()
	n := uint64(size)
	for _, d := range t.Shape {
		hi, lo := bits.Mul64(n, uint64(d))
		if d < 0 || hi != 0 || lo > 1<<40 {
			return 0, bad("tensor %q has the impossible shape %v", t.Name, t.Shape)
		}
		n = lo
	}
	return int(n), nil
}

// place gives each tensor its bytes: contiguous, complete, in order.
func place(tensors []placed, data []byte) error {
	at := 0
	for i := range tensors {
		t := &tensors[i]
		want, err := t.bytes()
		if err != nil {
			return err
		}
		if t.from != at || t.to < t.from || t.to > len(data) || t.to-t.from != want {
			return bad("tensor %q stands at %d to %d where %d bytes from %d were expected", t.Name, t.from, t.to, want, at)
		}
		t.Data = data[t.from:t.to:t.to]
		at = t.to
	}
	if at != len(data) {
		return bad("%d bytes of the message belong to no tensor", len(data)-at)
	}
	return nil
}
