package ui

// Root is the whole page.
type Root struct{ L *Lab }

// Rowed says that the registry's lesson has parameters for the row over the picture.
func (c *Root) Rowed() bool {
	return c.L.Lab() != nil && len((&Params{L: c.L, Page: c.L.Lesson, Part: "first"}).List()) > 0
}

// Part keeps that row empty where it is hidden: the pages of our own making show their
// parameters elsewhere, and no two controls may have one id.
func (c *Root) Part() string {
	if c.L.Page().Own {
		return "none"
	}
	return "first"
}
