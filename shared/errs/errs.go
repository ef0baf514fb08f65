// Package errs is the one error type of Patchbay. It travels over the wire unchanged, so a
// message written in the engine is the message a person reads in the page.
package errs

import (
	"errors"
	"fmt"
)

// Op names the operation that failed, as package.Function.
type Op string

// Kind says what sort of failure it is, so that a program can decide what to do.
// The numbers travel on the wire: append, never reorder.
type Kind uint8

const (
	Other       Kind = iota // not classified: a defect of ours until shown otherwise
	Invalid                 // the request or file is malformed
	NotFound                // no such model, site, run, read
	TooLarge                // over a stated limit
	Unsupported             // well formed, but this model, device or build cannot do it
	Corrupt                 // a digest or checksum does not match
	Cancelled               // the person asked to stop
	Busy                    // no slot now, try again
	Denied                  // Host, Origin or token refused
	Gone                    // the other side vanished
	NoSpace                 // disk or memory is full
)

var kindNames = [...]string{"other", "invalid", "not found", "too large", "unsupported", "corrupt", "cancelled", "busy", "denied", "gone", "no space"}

// String is the kind as a person reads it.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// Error carries where, what sort and what happened. Msg is written for a person: what was
// wrong, what the limit is, what to do.
type Error struct {
	Op   Op
	Kind Kind
	Msg  string
	Err  error // the cause, for errors.Is; its words are in Msg already
}

// Error is the message alone, the cause's words included: what a person reads.
func (e *Error) Error() string {
	if e.Msg == "" {
		return e.Kind.String()
	}
	return e.Msg
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// E makes an error. The format may wrap one cause with %w; its kind is inherited when kind is Other.
func E(op Op, kind Kind, format string, args ...any) error {
	f := fmt.Errorf(format, args...)
	cause := errors.Unwrap(f)
	if kind == Other {
		kind = KindOf(cause)
	}
	return &Error{Op: op, Kind: kind, Msg: f.Error(), Err: cause}
}

// KindOf is the kind of the first *Error in err's chain, or Other.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Other
}
