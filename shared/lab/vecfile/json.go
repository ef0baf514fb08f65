package vecfile

import (
	"bytes"
	"encoding/json"

	"patchbay/shared/errs"
	"patchbay/shared/lab"
)

// readJSON reads a lab.Vector as results hold it, or the whole result of a run that made some.
func readJSON(name string, raw []byte) ([]lab.Vector, error) {
	raw = bytes.TrimPrefix(raw, []byte("\ufeff"))
	var doc struct {
		lab.Vector
		Vectors []lab.Vector `json:"vectors"` // of a result
		Result  struct {
			Vectors []lab.Vector `json:"vectors"`
		} `json:"result"` // of an outcome
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		if errs.KindOf(err) == errs.Invalid {
			return nil, errs.E(op, errs.Invalid, "%s: %w", name, err)
		}
		return nil, bad("%s is no vector: it is neither GGUF nor safetensors, nor the JSON of a vector or result (%v)", name, err)
	}
	found := append(doc.Vectors, doc.Result.Vectors...)
	if len(doc.Values) > 0 {
		found = append(found, doc.Vector)
	}
	if err := check(found); err != nil && len(found) > 0 {
		return nil, errs.E(op, errs.Invalid, "%s: %w", name, err)
	}
	return ordered(name, found)
}
