package ui

// Lens is the scale of the logit lens's picture.
type Lens struct{ L *Lab }
