//go:build js

// Worker is the engine of a tab: it runs in a Web Worker, answers wire frames that come by
// postMessage, and keeps models in the browser's own storage. public/worker.js starts it and
// hands it the kernels.
package main

import (
	"context"
	"runtime/debug"
	"syscall/js"

	"patchbay/shared/device"
	"patchbay/shared/host"
	"patchbay/wasm/worker/store"
)

// version of the engine, as the page shows it.
const version = "0.1"

func main() {
	// The heap holds tokenizers and results, not weights. Collecting early keeps the tab small:
	// WebAssembly memory never shrinks again.
	debug.SetGCPercent(50)
	st, err := store.New(context.Background(), "models/", js.Global().Get("patchbayShelf").String())
	if err != nil {
		fatal(err)
		return
	}
	d := newDevice()
	serve(host.New(host.Options{
		Place: "tab", Version: version, Store: models{st},
		Device:   func() (device.Device, error) { return d.dev, nil },
		SelfTest: func(device.Device) (float64, error) { return d.test, nil },
	}))
}

// fatal tells the page that there will be no engine.
func fatal(err error) {
	js.Global().Call("postMessage", map[string]any{"fatal": err.Error()})
}
