package ui

import (
	"patchbay/shared/wire"
	"patchbay/wasm/state"
	"patchbay/wasm/text"
)

// Models lists the place's models: what is stored, what can be had, what each takes.
type Models struct{ L *Lab }

// Where says where the models of the chosen place are kept and how much they take.
func (c *Models) Where() string {
	var sum int64
	for _, m := range c.L.End().Models {
		sum += m.Here
	}
	if c.L.Place == state.Sidecar {
		return c.L.T("models.where.sidecar", text.Bytes(sum))
	}
	return c.L.T("models.where.tab", text.Bytes(sum))
}

// About is a model in one line.
func (c *Models) About(m wire.ModelInfo) string {
	s := c.L.T("models.absent")
	if m.Here >= m.Size {
		s = c.L.T("models.here")
	} else if m.Here > 0 {
		s = c.L.T("models.part", text.Bytes(m.Here))
	}
	return text.Bytes(m.Size) + " · " + s + " · " + m.Family + " · " + m.Licence
}

// Job is the running load of a model, or nil.
func (c *Models) Job(id string) *state.Job {
	if j := c.L.End().Loading(); j != nil && j.Model == id {
		return j
	}
	return nil
}

// Share is a progress element's value.
func (c *Models) Share(id string) string {
	return text.Number(max(c.Job(id).Share(), 0), 3)
}

// Size is how much deleting would free.
func (c *Models) Size(m wire.ModelInfo) string { return text.Bytes(m.Here) }

// CanLoad says whether loading would change something.
func (c *Models) CanLoad(m wire.ModelInfo) bool {
	return !c.L.End().IsLoaded(m.ID) && c.Job(m.ID) == nil
}

// CanDelete says whether there is something to delete that is not just being written.
func (c *Models) CanDelete(m wire.ModelInfo) bool {
	return m.Here > 0 && c.Job(m.ID) == nil && c.L.Confirm != m.ID
}

// LoadWord is the button's word: a download says its size.
func (c *Models) LoadWord(m wire.ModelInfo) string {
	if m.Here >= m.Size {
		return c.L.T("models.use")
	}
	return c.L.T("models.download", text.Bytes(m.Size-m.Here))
}
