package state

import (
	"encoding/json"
	"slices"
	"strings"

	"patchbay/shared/lab"
	"patchbay/wasm/text"
)

// The limits of what is kept in this browser: browsers give an origin five megabytes.
const (
	maxVectors     = 64
	maxVectorBytes = 3 << 20
)

// OpenVectors takes in what the browser has kept, at the start or because another tab changed it.
func (a *App) OpenVectors(raw string) {
	var list []lab.Vector
	if raw == "" || json.Unmarshal([]byte(raw), &list) != nil {
		list = nil
	}
	a.Vectors = slices.DeleteFunc(list, func(v lab.Vector) bool { return len(v.Values) == 0 })
}

// KeepVector keeps a vector in this browser, under a name that no other one has.
func (a *App) KeepVector(v lab.Vector) []Effect {
	if i := a.kept(&v); i >= 0 {
		return a.Tell("vectors.same", a.Vectors[i].Name)
	}
	if why := a.room(1, len(v.Values)); why != nil {
		return a.Tell(why.Key, why.Args...)
	}
	v.Name = a.freeName(v.Name)
	a.Vectors = append(a.Vectors, v)
	return append(a.Tell("vectors.saved", v.Name), a.keep()...)
}

// kept is the place of the same direction among the kept ones, or -1.
func (a *App) kept(v *lab.Vector) int {
	return slices.IndexFunc(a.Vectors, func(k lab.Vector) bool {
		return k.Digest == v.Digest && k.Model == v.Model && k.Site == v.Site && k.Layer == v.Layer && slices.Equal(k.Values, v.Values)
	})
}

// room says why so many more vectors with so many numbers cannot be kept.
func (a *App) room(vectors, numbers int) *Fact {
	for i := range a.Vectors {
		numbers += len(a.Vectors[i].Values)
	}
	switch {
	case len(a.Vectors)+vectors > maxVectors:
		return &Fact{"vectors.many", []string{text.Int(len(a.Vectors))}}
	case numbers*16/3 > maxVectorBytes: // four bytes each, in base64
		return &Fact{"vectors.large", []string{text.Bytes(maxVectorBytes)}}
	}
	return nil
}

func (a *App) freeName(name string) string {
	if name = strings.TrimSpace(name); name == "" {
		name = "vector"
	}
	taken := func(s string) bool {
		return slices.ContainsFunc(a.Vectors, func(v lab.Vector) bool { return v.Name == s })
	}
	out := name
	for i := 2; taken(out); i++ {
		out = name + " " + text.Int(i)
	}
	return out
}

// keep has the browser keep the list.
func (a *App) keep() []Effect {
	raw, err := json.Marshal(a.Vectors)
	if err != nil {
		return a.Tell("export.failed", err.Error())
	}
	return []Effect{Save{"vectors", string(raw)}}
}

// Unsaved says that the browser refused to keep something.
func (a *App) Unsaved(key string) []Effect {
	if key != "vectors" {
		return nil // a setting: it lasts as long as the tab
	}
	return a.Tell("vectors.full")
}

// RenameVector gives a kept vector another name; an empty one is not taken.
func (a *App) RenameVector(i int, name string) []Effect {
	if i < 0 || i >= len(a.Vectors) || strings.TrimSpace(name) == "" || name == a.Vectors[i].Name {
		return nil
	}
	a.Vectors[i].Name = ""
	a.Vectors[i].Name = a.freeName(name)
	return a.keep()
}

// DropVector deletes a kept vector on the second click.
func (a *App) DropVector(i int) []Effect {
	if i < 0 || i >= len(a.Vectors) {
		return nil
	}
	if mark := "vector " + text.Int(i); a.Confirm != mark {
		a.Confirm = mark
		return []Effect{Say{Text: a.T("models.delete.sure")}}
	}
	a.Confirm = ""
	name := a.Vectors[i].Name
	a.Vectors = slices.Delete(a.Vectors, i, i+1)
	return append(a.Tell("vectors.gone", name), a.keep()...)
}

// ChooseVector makes a kept vector a parameter's value; -1 is none. One of another model is
// refused with the reason.
func (a *App) ChooseVector(param string, i int) []Effect {
	if i < 0 || i >= len(a.Vectors) {
		return a.Set(param, nil)
	}
	v := a.Vectors[i]
	if why := a.Strange(&v); why != "" {
		return append(a.Tell("toast.words", why), Draw{})
	}
	a.remember()
	return a.Set(param, &v)
}

// Strange says why a vector means nothing on the chosen model; empty: it is of this model.
func (a *App) Strange(v *lab.Vector) string {
	e := a.End()
	loaded := e.IsLoaded(a.Model)
	switch {
	case loaded && v.Digest != "" && e.Loaded.Parity.Digest != "":
		if v.Digest != e.Loaded.Parity.Digest {
			return a.T("vectors.other", v.Name, v.Model, a.ModelName())
		}
	case v.Model != "" && v.Model != a.Model:
		return a.T("vectors.other", v.Name, v.Model, a.ModelName())
	}
	switch {
	case loaded && e.Loaded.Width > 0 && len(v.Values) != e.Loaded.Width:
		return a.T("vectors.width", v.Name, text.Int(len(v.Values)), text.Int(e.Loaded.Width))
	case loaded && e.Loaded.Layers > 0 && (v.Layer < 0 || v.Layer >= e.Loaded.Layers):
		return a.T("vectors.depth", v.Name, text.Int(v.Layer), text.Int(e.Loaded.Layers))
	}
	return ""
}

// strange is the reason why one of the page's chosen vectors cannot be used; empty: all can.
func (a *App) strange(p *Page) string {
	for _, v := range p.Params {
		if v, ok := v.(*lab.Vector); ok && v != nil {
			if why := a.Strange(v); why != "" {
				return why
			}
		}
	}
	return ""
}

// Chosen is the place of a parameter's vector among the kept ones, -1 for none and -2 for one that
// is not kept (it came with a link or a preset).
func (a *App) Chosen(param string) int {
	v, ok := a.Page().Params[param].(*lab.Vector)
	if !ok || v == nil {
		return -1
	}
	if i := a.kept(v); i >= 0 {
		return i
	}
	return -2
}

// VectorLine is a vector in a few words.
func (a *App) VectorLine(v *lab.Vector) string {
	return a.T("vectors.about", v.Model, text.Int(v.Layer), text.Int(len(v.Values)), v.Made)
}
