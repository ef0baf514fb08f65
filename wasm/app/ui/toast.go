package ui

// Toast is a short message over the page. The live region speaks it; this only shows it.
type Toast struct{ L *Lab }

// Words is the message, empty while there is none.
func (c *Toast) Words() string {
	n := c.L.Notice
	if n == nil {
		return ""
	}
	return c.L.T(n.Key, n.Args...)
}
