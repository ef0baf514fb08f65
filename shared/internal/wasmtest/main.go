//go:build !js

// Command wasmtest runs a Go wasm program, most often a test binary, in headless Chromium.
//
//	GOOS=js GOARCH=wasm go test -exec "env GOOS= GOARCH= go run patchbay/shared/internal/wasmtest" ./shared/...
//
// The program runs in a Web Worker, as the engine does in the product, with the kernels of
// public/kernels instantiated and the files of this machine readable (fs.js): the repository,
// PATCHBAY_REFERENCE or ../shared/reference, and the models. Its output and exit code become
// this command's. Variables whose names begin with PATCHBAY_ are passed on. Of them
//
//	PATCHBAY_WASMTEST_PAGE=1       runs the program in the page itself, for what needs the DOM
//	PATCHBAY_WASMTEST_FLAGS="..."  adds flags for Chromium, as --use-webgpu-adapter=swiftshader
//	PATCHBAY_KERNELS=plain         has the kernels without relaxed SIMD
//	PATCHBAY_THREADS=1             has them on so many threads, by default 2; 0 measures
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/chromedp/cdproto/inspector"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: wasmtest PROGRAM.wasm [ARGUMENT ...]")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	code, err := run(ctx, os.Args[1], os.Args[2:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "wasmtest:", err)
		code = max(code, 2)
	}
	stop()
	os.Exit(code)
}

// run serves the program on a loopback port, opens it in Chromium and waits for its exit code.
func run(ctx context.Context, program string, args []string) (int, error) {
	srv, err := newServer(program, args)
	if err != nil {
		return 2, err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 2, err
	}
	web := &http.Server{Handler: srv.handler()}
	go web.Serve(ln)
	defer web.Close()

	bctx, cancel := browser(ctx)
	defer cancel()
	failed := watch(bctx)
	if err := chromedp.Run(bctx, chromedp.Navigate("http://"+ln.Addr().String()+"/")); err != nil {
		return 2, fmt.Errorf("Chromium: %w", err)
	}
	select {
	case code := <-srv.exit:
		return code, nil
	case err := <-failed:
		return 2, err
	case <-ctx.Done():
		return 130, ctx.Err()
	}
}

// browser starts Chromium. Flags that throttle pages nobody looks at are off, or timings lie.
func browser(ctx context.Context) (context.Context, func()) {
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.Flag("headless", "new"),
		chromedp.Flag("disable-background-timer-throttling", true),
		chromedp.Flag("disable-renderer-backgrounding", true),
		chromedp.WSURLReadTimeout(time.Minute),
	)
	if os.Geteuid() == 0 {
		opts = append(opts, chromedp.NoSandbox)
	}
	for _, f := range strings.Fields(os.Getenv("PATCHBAY_WASMTEST_FLAGS")) {
		name, value, has := strings.Cut(strings.TrimLeft(f, "-"), "=")
		if has {
			opts = append(opts, chromedp.Flag(name, value))
		} else {
			opts = append(opts, chromedp.Flag(name, true))
		}
	}
	actx, stop := chromedp.NewExecAllocator(ctx, opts...)
	bctx, cancel := chromedp.NewContext(actx)
	return bctx, func() { cancel(); stop() }
}

// watch reports what would otherwise hang: a script that fails to load, a tab that crashes.
// What the page logs goes to stderr.
func watch(ctx context.Context) <-chan error {
	failed := make(chan error, 8)
	report := func(err error) {
		select {
		case failed <- err:
		default:
		}
	}
	chromedp.ListenTarget(ctx, func(ev any) {
		switch e := ev.(type) {
		case *runtime.EventExceptionThrown:
			report(errors.New(e.ExceptionDetails.Error()))
		case *inspector.EventTargetCrashed:
			report(errors.New("the tab crashed, most likely out of memory"))
		case *runtime.EventConsoleAPICalled:
			for _, a := range e.Args {
				fmt.Fprint(os.Stderr, strings.Trim(string(a.Value), `"`), " ")
			}
			fmt.Fprintln(os.Stderr)
		}
	})
	return failed
}
