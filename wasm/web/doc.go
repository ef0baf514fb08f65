// Package web is the little of the browser that the wasm programs share: promises awaited
// with a context, exceptions as errors, bytes in and out of typed arrays. Its code is for
// js/wasm only.
package web
