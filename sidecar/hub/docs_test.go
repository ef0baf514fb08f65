package hub

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"patchbay/shared/errs"
	"patchbay/shared/wire"
)

// TestWireDocument holds docs/wire.md to the program's constants.
func TestWireDocument(t *testing.T) {
	raw, err := os.ReadFile("../../docs/wire.md")
	if err != nil {
		t.Fatal(err)
	}
	doc := string(raw)
	l := DefaultLimits
	want := []string{
		fmt.Sprintf("version %d of the wire", wire.Version),
		fmt.Sprintf("| 2 | u8 | version: %d |", wire.Version),
		fmt.Sprintf("a header of %d bytes", wire.HeaderSize),
		fmt.Sprintf("codec of the payload: %d raw, %d zstd", wire.CodecRaw, wire.CodecZstd),
		fmt.Sprintf("flags: %d more frames of this message follow; %d byte planes; %d this frame goes on", wire.FlagMore, wire.FlagPlanes, wire.FlagRest),
		fmt.Sprintf("at most %d bytes decoded", wire.MaxFrame),
		fmt.Sprintf("cuts at %d", l.Chunk),
		fmt.Sprintf("within %d s", l.HelloTime/time.Second),
		fmt.Sprintf("at most %d bytes. It carries the token", l.HelloSize),
		fmt.Sprintf("waits for its client for %d s; its requests go on for %d s", l.Keep/time.Second, l.Grace/time.Second),
		fmt.Sprintf("%d connections of one address", l.PreAuthPerIP),
		fmt.Sprintf("%d clients (503)", l.Clients),
		fmt.Sprintf("%d MiB of unread events, %d s for a write, a ping every %d s, %d s of silence", l.Pending>>20, l.Write/time.Second, l.Ping/time.Second, l.Dead/time.Second),
	}
	for name, k := range map[string]wire.Kind{"hello": wire.KindHello, "welcome": wire.KindWelcome, "request": wire.KindRequest,
		"event": wire.KindEvent, "result": wire.KindResult, "error": wire.KindError, "cancel": wire.KindCancel,
		"cancelled": wire.KindCancelled, "gap": wire.KindGap} {
		row := regexp.MustCompile(fmt.Sprintf(`(?m)^\| %d \| %s \|.*\| %d \|$`, k, name, wire.MaxMessage(k)))
		if !row.MatchString(doc) {
			t.Errorf("no row for kind %d, %s, of at most %d bytes", k, name, wire.MaxMessage(k))
		}
	}
	for k := errs.Other; k <= errs.NoSpace; k++ {
		want = append(want, fmt.Sprintf("| %d | %s |", k, k))
	}
	for _, c := range []int{CodeGoingAway, CodeTooLarge, CodeHello, CodeProtocol, CodeSlow, CodeReplaced} {
		want = append(want, fmt.Sprintf("| %d |", c))
	}
	for _, m := range []string{wire.MethodModels, wire.MethodLoad, wire.MethodDelete, wire.MethodTokenize, wire.MethodRun, wire.MethodPlan, wire.MethodDevice} {
		want = append(want, "| `"+m+"` |")
	}
	for _, w := range want {
		if !strings.Contains(doc, w) {
			t.Errorf("docs/wire.md does not say %q", w)
		}
	}
	for _, f := range []struct {
		what string
		v    any
		row  string
	}{
		{"hello", wire.Hello{Session: "x", After: 1, Codecs: []string{"raw"}}, "hello"}, {"welcome", wire.Welcome{}, "welcome"},
		{"error", wire.Error{}, "error"}, {"gap", wire.Gap{}, "gap"}, {"device", wire.DeviceInfo{Note: "x"}, "`device`"},
		{"load", wire.Loaded{}, "`load`"}, {"models", wire.ModelInfo{}, "`models`"}, {"plan", wire.PlanResult{}, "`plan`"},
	} {
		m, _ := wire.New(wire.KindEvent, 1, f.v)
		var fields map[string]any
		if err := m.Decode(&fields); err != nil {
			t.Fatal(err)
		}
		for key := range fields {
			row := regexp.MustCompile(`(?m)^\|.*` + regexp.QuoteMeta(f.row) + ` \|.*\b` + key + `\b.*$`)
			if !row.MatchString(doc) {
				t.Errorf("docs/wire.md does not name field %s of %s", key, f.what)
			}
		}
	}
}
