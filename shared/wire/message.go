package wire

import (
	"encoding/binary"
	"encoding/json"
	"math"

	"patchbay/shared/errs"
	"patchbay/shared/tensor"
)

// Message is one message, whole: its JSON and the arrays that travel with it.
type Message struct {
	Kind    Kind
	Request uint64          // 0: belongs to the connection, not to a request
	Body    json.RawMessage // of the type that the kind says; nil for none
	Tensors []Tensor
	// Progress marks an event that a later one of its request makes worthless; it may be dropped
	// on a slow line. It does not travel.
	Progress bool
}

// Tensor is an array in a message, row-major, little-endian.
type Tensor struct {
	Name  string
	DType tensor.DType
	Shape []int
	Data  []byte
	// Enc says how the array was narrowed: "" as it is, "f16", or "i8:NAME" with the float32
	// scales per row in tensor NAME.
	Enc string
}

// New makes a message with body as its JSON; a nil body is none.
func New(kind Kind, request uint64, body any) (Message, error) {
	m := Message{Kind: kind, Request: request}
	if body == nil {
		return m, nil
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return m, errs.E("wire.New", errs.Other, "message of kind %d: %w", kind, err)
	}
	m.Body = raw
	return m, nil
}

// Decode reads the body into v, and refuses a message without one.
func (m Message) Decode(v any) error {
	if len(m.Body) == 0 {
		return errs.E("wire.Decode", errs.Invalid, "a message of kind %d has no body", m.Kind)
	}
	if err := json.Unmarshal(m.Body, v); err != nil {
		return errs.E("wire.Decode", errs.Invalid, "the body of a message of kind %d does not read: %w", m.Kind, err)
	}
	return nil
}

// Floats makes a float32 tensor; len(x) must be the product of the shape.
func Floats(name string, x []float32, shape ...int) Tensor {
	data := make([]byte, 4*len(x))
	for i, v := range x {
		binary.LittleEndian.PutUint32(data[4*i:], math.Float32bits(v))
	}
	return Tensor{Name: name, DType: tensor.F32, Shape: shape, Data: data}
}

// Float32s gives the elements of a tensor of any float type.
func (t Tensor) Float32s() []float32 {
	_, size := t.DType.Block()
	out := make([]float32, len(t.Data)/size)
	tensor.Decode(t.DType, out, t.Data)
	return out
}

// Fail makes the message that ends a request with an error: KindCancelled when the person asked
// for it, KindError otherwise.
func Fail(request uint64, err error) Message {
	kind := errs.KindOf(err)
	if kind == errs.Cancelled {
		return Message{Kind: KindCancelled, Request: request}
	}
	e := Error{Kind: kind, Msg: err.Error()}
	var ee *errs.Error
	if asError(err, &ee) {
		e.Op = ee.Op
	}
	m, _ := New(KindError, request, e) // plain fields always marshal
	return m
}

// Err is the error that e carries.
func (e Error) Err() error { return &errs.Error{Op: e.Op, Kind: e.Kind, Msg: e.Msg} }

// Final reports whether messages of the kind end their request.
func (k Kind) Final() bool { return k == KindResult || k == KindError || k == KindCancelled }
