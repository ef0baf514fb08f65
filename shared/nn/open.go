package nn

import (
	"context"

	"patchbay/shared/device"
	"patchbay/shared/weights"
)

// Load copies a model onto a device. It reads the file once, a few rows at a time. Errors:
// errs.Unsupported for an architecture that is not known, errs.Invalid for tensors that are
// missing, misshapen or not finite, errs.NoSpace with the bytes needed, errs.Cancelled.
// Whatever fails, the device is left as it was.
func Load(ctx context.Context, dev device.Device, file *weights.Model, o Options) (*Model, error) {
	return load(ctx, dev, open(file), o)
}

// ReadConfig tells what a model file is without loading it.
func ReadConfig(file *weights.Model) (Config, error) {
	c, _, err := config(open(file))
	if err != nil {
		return Config{}, err
	}
	return *c, nil
}

// Outline is a model without its weights: what a plan is checked against and priced by. It cannot
// compute, and holds nothing on the device.
func Outline(dev device.Device, file *weights.Model, o Options) (*Model, error) {
	c, err := ReadConfig(file)
	if err != nil {
		return nil, err
	}
	return newModel(dev, c, o), nil
}

// Need estimates the bytes on the device that a model takes with one sequence of maxTokens (0:
// DefaultMaxTokens): weights, tables, scratch and cache.
func Need(file *weights.Model, maxTokens int) (int64, error) {
	src := open(file)
	c, _, err := config(src)
	if err != nil {
		return 0, err
	}
	return need(c, src, c.maxTokens(maxTokens)), nil
}

func open(file *weights.Model) *source {
	s := &source{format: file.Format, meta: file.Meta, tensors: make(map[string]stored, len(file.Tensors))}
	for name, t := range file.Tensors {
		s.tensors[name] = stored{dtype: t.DType, shape: t.Shape, rows: t, floats: t.Float32}
	}
	return s
}
