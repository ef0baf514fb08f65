//go:build !js

package pull

import (
	"fmt"
	"time"
)

// Progress is where a pull stands.
type Progress struct {
	Stage string  // one of the Stage constants
	Note  string  // what a person should know: which part, why a route was left; may be empty
	Done  int64   // bytes
	Total int64   // bytes
	Rate  float64 // bytes per second of this stage; 0 when not known yet
}

// The stages of a pull.
const (
	StageFile     = "file"     // copying from a path
	StageHub      = "hub"      // downloading from the hub
	StagePackages = "packages" // downloading packages and joining them
	StageResume   = "resume"   // checking what an earlier pull left
	StageVerify   = "verify"   // comparing the digest
)

// String is one line for a terminal.
func (p Progress) String() string {
	s := fmt.Sprintf("%-8s %3.0f%%  %s of %s", p.Stage, 100*float64(p.Done)/float64(max(1, p.Total)), size(p.Done), size(p.Total))
	if p.Rate > 0 {
		s += fmt.Sprintf("  %s/s", size(int64(p.Rate)))
	}
	if p.Note != "" {
		s += "  " + p.Note
	}
	return s
}

// size is a number of bytes as a person reads it.
func size(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.2f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	case n >= 1e3:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%d bytes", n)
}

// meter reports progress, at most ten times a second but for changes of stage.
type meter struct {
	report func(Progress)
	now    Progress
	since  time.Time // start of the stage
	from   int64     // bytes at the start of the stage
	last   time.Time // of the last report
}

func newMeter(report func(Progress), total int64) *meter {
	if report == nil {
		report = func(Progress) {}
	}
	return &meter{report: report, now: Progress{Total: total}}
}

// stage begins a stage, or a part of one, with a note.
func (m *meter) stage(name, note string) {
	if m.now.Stage != name {
		m.since, m.from, m.now.Rate = time.Now(), m.now.Done, 0
	}
	m.now.Stage, m.now.Note = name, note
	m.send()
}

// restart goes back to nothing.
func (m *meter) restart() {
	m.since, m.from, m.now.Done, m.now.Rate = time.Now(), 0, 0, 0
}

// at raises the number of bytes done. It never falls: pip's download is counted once as it
// comes and not again as it is joined.
func (m *meter) at(n int64) {
	m.now.Done = max(m.now.Done, n)
	if n == m.now.Total || time.Since(m.last) >= 100*time.Millisecond {
		m.send()
	}
}

func (m *meter) send() {
	m.last = time.Now()
	if s := m.last.Sub(m.since).Seconds(); s > 0.05 && m.now.Done > m.from {
		m.now.Rate = float64(m.now.Done-m.from) / s
	}
	m.report(m.now)
}
