package store

import (
	"context"
	"syscall/js"

	"patchbay/shared/errs"
	"patchbay/wasm/web"
)

// database is an IndexedDB with one object store of ArrayBuffers by string key. It is there in
// every context, plain http on a LAN included.
type database struct{ db js.Value }

const tableName = "files"

// openDatabase opens or makes it. In some private windows the browser has the API but refuses.
func openDatabase(ctx context.Context) (*database, error) {
	db, err := web.Await(ctx, func() js.Value {
		req := js.Global().Get("indexedDB").Call("open", "patchbay-models", 1)
		up := js.FuncOf(func(_ js.Value, a []js.Value) any {
			a[0].Get("target").Get("result").Call("createObjectStore", tableName)
			return nil
		})
		req.Set("onupgradeneeded", up)
		return settle(req)
	})
	if err != nil {
		return nil, errs.E("store.Open", errs.Unsupported, "this browser does not let the page keep models (IndexedDB: %w); leave the private window, or use the sidecar", err)
	}
	return &database{db}, nil
}

// settle turns a request, or a transaction, into a promise: IndexedDB is older than those.
// worker.js has the few lines, because making them here would take eval.
func settle(request js.Value) js.Value { return js.Global().Call("patchbaySettle", request) }

func (d *database) begin(mode string) (tx, table js.Value) {
	tx = d.db.Call("transaction", tableName, mode)
	return tx, tx.Call("objectStore", tableName)
}

// Get implements KV.
func (d *database) Get(ctx context.Context, key string) ([]byte, bool, error) {
	v, err := web.Await(ctx, func() js.Value {
		_, table := d.begin("readonly")
		return settle(table.Call("get", key))
	})
	if err != nil || v.IsUndefined() {
		return nil, false, storageError(ctx, err)
	}
	return web.Bytes(v), true, nil
}

// Put implements KV: one transaction.
func (d *database) Put(ctx context.Context, pairs ...Pair) error {
	_, err := web.Await(ctx, func() js.Value {
		tx, table := d.begin("readwrite")
		for _, p := range pairs {
			table.Call("put", web.Array(p.Value).Get("buffer"), p.Key)
		}
		return settle(tx)
	})
	return storageError(ctx, err)
}

// Delete implements KV: one transaction.
func (d *database) Delete(ctx context.Context, keys ...string) error {
	_, err := web.Await(ctx, func() js.Value {
		tx, table := d.begin("readwrite")
		for _, k := range keys {
			table.Call("delete", k)
		}
		return settle(tx)
	})
	return storageError(ctx, err)
}

// cache is the Cache API used as a KV: an entry for each key.
type cache struct{ c js.Value }

func openCache(ctx context.Context) (*cache, error) {
	c, err := web.Await(ctx, func() js.Value { return js.Global().Get("caches").Call("open", "patchbay-models") })
	return &cache{c}, err
}

// address is a URL of our own that no page is served at.
func address(key string) string { return "/.store/" + key }

// Get implements KV.
func (k *cache) Get(ctx context.Context, key string) ([]byte, bool, error) {
	r, err := web.Await(ctx, func() js.Value { return k.c.Call("match", address(key)) })
	if err != nil || r.IsUndefined() {
		return nil, false, storageError(ctx, err)
	}
	buf, err := web.Await(ctx, func() js.Value { return r.Call("arrayBuffer") })
	if err != nil {
		return nil, false, storageError(ctx, err)
	}
	return web.Bytes(buf), true, nil
}

// Put implements KV, in order.
func (k *cache) Put(ctx context.Context, pairs ...Pair) error {
	for _, p := range pairs {
		_, err := web.Await(ctx, func() js.Value {
			return k.c.Call("put", address(p.Key), js.Global().Get("Response").New(web.Array(p.Value)))
		})
		if err != nil {
			return storageError(ctx, err)
		}
	}
	return nil
}

// Delete implements KV, in order.
func (k *cache) Delete(ctx context.Context, keys ...string) error {
	for _, key := range keys {
		if _, err := web.Await(ctx, func() js.Value { return k.c.Call("delete", address(key)) }); err != nil {
			return storageError(ctx, err)
		}
	}
	return nil
}
