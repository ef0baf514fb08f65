package ui

import (
	"patchbay/shared/errs"
	"patchbay/shared/wire"
	"patchbay/wasm/state"
	"patchbay/wasm/text"
)

// Blank stands where a result will be: it says what is missing or what went wrong, and
// offers the one thing to do about it.
type Blank struct {
	L   *Lab
	Why string // "opening", "line", "nolesson", "absent", "loading", "loadfailed", "ready", "running", "failed", "drawing"
}

func (c *Blank) model() *wire.ModelInfo { return c.L.End().ModelInfo(c.L.Model) }

func (c *Blank) missing() string {
	if m := c.model(); m != nil {
		return text.Bytes(m.Size - m.Here)
	}
	return "?"
}

// Title is what is the matter, in a few words.
func (c *Blank) Title() string {
	switch c.Why {
	case "failed", "loadfailed", "line":
		return c.L.T(headline(c.err(), c.L.Place))
	case "absent":
		return c.L.T("blank.absent", c.L.ModelName())
	case "loading":
		return c.L.T("blank.loading", c.L.ModelName())
	}
	return c.L.T(map[string]string{"opening": "blank.opening", "nolesson": "blank.nolesson", "ready": "blank.ready", "running": "blank.running", "drawing": "blank.drawing"}[c.Why])
}

// Body says what to do or to expect.
func (c *Blank) Body() string {
	switch c.Why {
	case "failed", "loadfailed", "line":
		return c.L.T(advice(c.err(), c.L.Place))
	case "absent":
		if c.L.Place == state.Sidecar {
			return c.L.T("blank.absent.sidecar", c.missing())
		}
		return c.L.T("blank.absent.tab", c.missing())
	case "loading":
		return c.L.Progress(c.L.End().Load)
	case "running":
		return c.L.Progress(c.L.Page().Job)
	case "ready":
		if !c.L.Page().Own {
			return c.L.T("blank.ready.example")
		}
	}
	return c.L.T(map[string]string{"opening": "blank.opening.body", "nolesson": "blank.old", "ready": "blank.ready.body", "drawing": "blank.drawing.body"}[c.Why])
}

// Detail is the engine's own words: they name the limit and the number.
func (c *Blank) Detail() string {
	switch c.Why {
	case "failed", "loadfailed", "line":
		if err := c.err(); err != nil {
			return err.Error()
		}
	}
	return ""
}

func (c *Blank) err() error {
	switch c.Why {
	case "failed":
		return c.L.Page().Job.Err
	case "loadfailed":
		return c.L.End().Load.Err
	case "line":
		if e := c.L.End(); e.Err != nil {
			return e.Err
		}
	}
	return nil
}

// Moving says that something is under way.
func (c *Blank) Moving() bool {
	return c.Why == "loading" || c.Why == "running" || c.Why == "opening" || c.Why == "drawing"
}

// Share is the progress element's value; nil makes it the moving kind.
func (c *Blank) Share() any {
	j := c.L.Page().Job
	if c.Why == "loading" {
		j = c.L.End().Load
	}
	if c.Why == "opening" || c.Why == "drawing" || j == nil || j.Share() < 0 {
		return nil
	}
	return text.Number(j.Share(), 3)
}

// Act is the main button's word; empty: there is none.
func (c *Blank) Act() string {
	switch c.Why {
	case "absent":
		return c.L.T("models.download", c.missing())
	case "ready":
		return c.L.T("run.run")
	case "loading", "running":
		return c.L.T("run.stop")
	case "failed", "loadfailed", "line":
		return c.L.T("blank.again")
	}
	return ""
}

// Do is the main button.
func (c *Blank) Do() {
	l := c.L
	switch c.Why {
	case "absent", "loadfailed":
		l.Do(l.LoadModel(l.Place, l.Model))
	case "ready", "failed":
		l.Do(l.Run())
	case "loading":
		l.Do(l.StopLoad(l.Place))
	case "running":
		l.Do(l.Stop())
	case "line":
		l.Do([]state.Effect{state.Retry{Place: l.Place}})
	}
}

// Other is a second way out; empty: there is none.
func (c *Blank) Other() string {
	switch c.Why {
	case "absent":
		return c.L.T("blank.other")
	case "loadfailed":
		return c.L.T("blank.other")
	case "failed":
		return c.L.T("blank.dismiss")
	case "line":
		if c.L.Place == state.Sidecar {
			return c.L.T("blank.totab")
		}
	}
	return ""
}

// DoOther is the second button.
func (c *Blank) DoOther() {
	l := c.L
	switch c.Why {
	case "absent", "loadfailed":
		l.Do(l.Toggle("model"))
	case "failed":
		l.Do(l.Dismiss())
	case "line":
		l.Do(l.SetPlace(state.Tab))
	}
}

// headline and advice put an error's kind into the reader's language; the engine's own words
// follow, in English.
func headline(err error, place state.Place) string {
	if place == state.Tab && errs.KindOf(err) == errs.Gone {
		return "err.gone.tab"
	}
	return [...]string{"err.other", "err.invalid", "err.notfound", "err.toolarge", "err.unsupported", "err.corrupt",
		"err.cancelled", "err.busy", "err.denied", "err.gone", "err.nospace"}[known(err)]
}

func advice(err error, place state.Place) string {
	if place == state.Tab && errs.KindOf(err) == errs.Gone {
		return "do.gone.tab"
	}
	return [...]string{"do.other", "do.invalid", "do.notfound", "do.toolarge", "do.unsupported", "do.corrupt",
		"do.cancelled", "do.busy", "do.denied", "do.gone", "do.nospace"}[known(err)]
}

// known is an error's kind, Other for one of a later version.
func known(err error) errs.Kind {
	if k := errs.KindOf(err); k <= errs.NoSpace {
		return k
	}
	return errs.Other
}
