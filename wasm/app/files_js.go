package main

import (
	"context"
	"syscall/js"
	"time"

	"patchbay/shared/lab"
	"patchbay/wasm/state"
	"patchbay/wasm/web"
)

// reading is how long a file may take to be read: it may lie on a slow network drive.
const reading = 30 * time.Second

// file reads a file that a person chose: a list for the parameter that data-upload names, or
// vectors. One that is too large is refused by its size, unread.
func (p *page) file(e js.Value) {
	input := e.Get("target")
	if input.Get("type").Type() != js.TypeString || input.Get("type").String() != "file" {
		return
	}
	f := input.Get("files").Index(0)
	what := str(input.Get("dataset"), "upload")
	if !f.Truthy() || what == "" {
		return
	}
	name, size := f.Get("name").String(), int64(f.Get("size").Float())
	go func() {
		defer input.Set("value", "") // so that the same file can be chosen again
		if size > state.MaxFile {
			p.within(func() []state.Effect { return p.BigFile(name, size) })
			return
		}
		ctx, stop := context.WithTimeout(context.Background(), reading)
		defer stop()
		buf, err := web.Await(ctx, func() js.Value { return f.Call("arrayBuffer") })
		p.within(func() []state.Effect {
			if err != nil {
				return p.Tell("file.unreadable", name, err.Error())
			}
			return p.uploaded(what, name, web.Bytes(window.Get("Uint8Array").New(buf)))
		})
	}()
}

func (p *page) uploaded(what, name string, data []byte) []state.Effect {
	if what == "vectors" {
		return p.UploadVectors(name, data)
	}
	if about := p.Lab.Lab(); about != nil {
		for _, d := range about.Params {
			if d.Name == what && (d.Kind == lab.Pairs || d.Kind == lab.Texts) {
				return p.UploadList(d, name, data)
			}
		}
	}
	return nil
}
