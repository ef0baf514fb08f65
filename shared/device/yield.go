//go:build !js

package device

import "context"

func yield(ctx context.Context) error { return ctx.Err() }
