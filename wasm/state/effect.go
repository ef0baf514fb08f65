package state

import "time"

// Effect is something that only the edge can do.
type Effect interface{ effect() }

// Call sends a request. Its events, result or error come back through App.Event, Result, Failed.
type Call struct {
	Job    JobID
	Place  Place
	Method string
	Params any
}

// Cancel stops a request; App.Failed follows with errs.Cancelled when that is acknowledged.
type Cancel struct{ Job JobID }

// Wait calls App.Waited(Name) after a while; a new Wait of the same name starts over.
type Wait struct {
	Name  string
	After time.Duration
}

// Say speaks to a screen reader. Urgent interrupts.
type Say struct {
	Text   string
	Urgent bool
}

// Save keeps a setting in this browser.
type Save struct{ Key, Value string }

// Link puts the state into the address bar.
type Link struct{}

// Copy puts a text on the clipboard.
type Copy struct{ Text string }

// File offers a download.
type File struct {
	Name, Type string
	Data       []byte
}

// Export asks for a file that needs the picture: "png" or "svg".
type Export struct{ Format string }

// Draw says that the picture is out of date.
type Draw struct{}

// Look says that language or theme changed, for what lies outside the page's tree.
type Look struct{}

// Retry opens a line again.
type Retry struct{ Place Place }

// Focus moves the keyboard to an element.
type Focus struct{ ID string }

func (Call) effect()   {}
func (Cancel) effect() {}
func (Wait) effect()   {}
func (Say) effect()    {}
func (Save) effect()   {}
func (Link) effect()   {}
func (Copy) effect()   {}
func (File) effect()   {}
func (Export) effect() {}
func (Draw) effect()   {}
func (Look) effect()   {}
func (Retry) effect()  {}
func (Focus) effect()  {}

// linkSoon is the wait before the address bar follows: browsers limit how often it may change.
func linkSoon() Effect { return Wait{"link", 400 * time.Millisecond} }
