package ui

// Root is the whole page.
type Root struct{ L *Lab }
