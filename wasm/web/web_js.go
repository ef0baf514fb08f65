package web

import (
	"context"
	"syscall/js"
)

// Exception is what JavaScript threw. Name is the part to decide by ("QuotaExceededError").
type Exception struct {
	Name, Message string
}

// Error gives both parts, as the browser's own console would.
func (e *Exception) Error() string { return e.Name + ": " + e.Message }

// AsException reads a thrown value, which need not be an Error.
func AsException(v js.Value) *Exception {
	if v.Type() != js.TypeObject {
		return &Exception{"Error", v.String()}
	}
	e := &Exception{Name: "Error"}
	if n := v.Get("name"); n.Type() == js.TypeString {
		e.Name = n.String()
	}
	if m := v.Get("message"); m.Type() == js.TypeString {
		e.Message = m.String()
	}
	return e
}

// Try runs f and gives what it threw as an error.
func Try(f func() js.Value) (v js.Value, err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case js.Error:
			err = AsException(r.Value)
		default:
			panic(r)
		}
	}()
	return f(), nil
}

// Await waits for the promise that f makes. When ctx ends first its error is returned and the
// promise is left to itself. It must not run inside a callback from JavaScript.
func Await(ctx context.Context, f func() js.Value) (js.Value, error) {
	p, err := Try(f)
	if err != nil {
		return js.Undefined(), err
	}
	type settled struct {
		v   js.Value
		err error
	}
	done := make(chan settled, 1)
	var yes, no js.Func
	finish := func(s settled) any { // exactly one of the two is ever called
		yes.Release()
		no.Release()
		done <- s
		return nil
	}
	yes = js.FuncOf(func(_ js.Value, a []js.Value) any { return finish(settled{v: a[0]}) })
	no = js.FuncOf(func(_ js.Value, a []js.Value) any { return finish(settled{err: AsException(a[0])}) })
	p.Call("then", yes, no)
	select {
	case s := <-done:
		return s.v, s.err
	case <-ctx.Done():
		return js.Undefined(), ctx.Err()
	}
}

// Bytes copies an ArrayBuffer, or a typed array of bytes, into Go's memory.
func Bytes(v js.Value) []byte {
	if v.InstanceOf(js.Global().Get("ArrayBuffer")) {
		v = js.Global().Get("Uint8Array").New(v)
	}
	p := make([]byte, v.Get("byteLength").Int())
	js.CopyBytesToGo(p, v)
	return p
}

// Array copies bytes into a new Uint8Array; its buffer may be transferred.
func Array(p []byte) js.Value {
	a := js.Global().Get("Uint8Array").New(len(p))
	js.CopyBytesToJS(a, p)
	return a
}

// Has tells whether a global of that name is there and not null.
func Has(path ...string) bool {
	v := js.Global()
	for _, name := range path {
		if v.Type() != js.TypeObject && v.Type() != js.TypeFunction {
			return false
		}
		v = v.Get(name)
	}
	return !v.IsUndefined() && !v.IsNull()
}
