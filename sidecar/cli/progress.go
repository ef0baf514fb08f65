package cli

import (
	"fmt"
	"strings"
	"time"

	"patchbay/shared/lab"
)

// progress shows a line that overwrites itself on a terminal, and nothing but new stages elsewhere.
func (e *env) progress(text string) {
	if e.Terminal {
		fmt.Fprintf(e.Err, "\r\x1b[K%s", text)
		e.line = true
	}
}

// endLine makes room for other output.
func (e *env) endLine() {
	if e.line {
		fmt.Fprint(e.Err, "\r\x1b[K")
		e.line = false
	}
}

// events gives a function that shows an experiment's or a loader's progress.
func (e *env) events() func(lab.Event) {
	stage, last := "", time.Time{}
	return func(v lab.Event) {
		if v.Stage != stage && !e.Terminal {
			fmt.Fprintf(e.Err, "%s ...\n", v.Stage)
		}
		if v.Stage == stage && time.Since(last) < 50*time.Millisecond {
			return
		}
		stage, last = v.Stage, time.Now()
		if v.Total <= 0 {
			e.progress(v.Stage)
			return
		}
		part := min(1, float64(v.Done)/float64(v.Total))
		n := int(20 * part)
		e.progress(fmt.Sprintf("%-8s [%s%s] %3.0f%%", v.Stage, strings.Repeat("=", n), strings.Repeat(" ", 20-n), 100*part))
	}
}

// size is a number of bytes as a person reads it.
func size(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.2f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%d bytes", n)
}
