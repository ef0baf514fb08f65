package ui

import "github.com/vugu/vugu"

// Rail lists the lessons, from the registry of the chosen place.
type Rail struct{ L *Lab }

// Href lets a lesson be opened in a new tab.
func (c *Rail) Href(name string) string { return "#lesson=" + name + "&lang=" + string(c.L.Lang) }

// Current marks the open lesson for screen readers; nil leaves the attribute out.
func (c *Rail) Current(name string) any {
	if name == c.L.Lesson {
		return "page"
	}
	return nil
}

// About is a lesson in a sentence; nil leaves the attribute out.
func (c *Rail) About(name string) any {
	if about := c.L.About(name); about != nil && about.Lesson != nil && about.Help != "" {
		return c.L.Said(about.Help)
	}
	return nil
}

// Go opens a lesson in place; with a modifier key the browser does what it always does.
func (c *Rail) Go(event vugu.DOMEvent, name string) {
	if event.PropBool("ctrlKey") || event.PropBool("metaKey") || event.PropBool("shiftKey") {
		return
	}
	event.PreventDefault()
	c.L.Do(c.L.SetLesson(name))
}
