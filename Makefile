# Patchbay. `make` alone lists the targets; `make run` is the lab, `make test` is everything CI runs.
# Nothing here is clever: each target is the command you would type.

SHELL      := /bin/bash
GO         ?= go
# The model that the two commands need; every other one is pulled when somebody asks for it.
MODEL      ?= smollm2-135m-instruct
# Where the lab listens. HOSTS adds names that a classroom reaches it by.
ADDR       ?= 127.0.0.1:8420
WASM       := GOOS=js GOARCH=wasm $(GO)
# A cgo build needs a C compiler; without one everything still builds and runs on the slow oracle.
export CGO_ENABLED ?= $(if $(shell command -v $${CC:-cc}),1,0)

.DEFAULT_GOAL := help
.PHONY: help run build release patchbay model test test-go test-race test-wasm test-browser test-python lint \
        kernels kernels-check gen gen-check fuzz bench bench-peers exhaustive pocket gallery golden deps-browser deps-python clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

run: build model ## the lab on a real model: serves the page and a sidecar, prints the address
	$(GO) run . -addr $(ADDR)

build: ## compile the page (app, worker, stage) into public/dist, ready in seconds
	$(GO) run ./wasm/build -fast

release: ## the same, compressed as far as it goes, within the size budgets or not at all
	$(GO) run ./wasm/build -check

patchbay: ## the command line and sidecar, as ./patchbay
	$(GO) build -trimpath -o patchbay ./sidecar

model: patchbay ## pull the first model (98 MB, once, verified)
	@./patchbay pull $(MODEL)

test: lint release test-go test-wasm test-python test-browser ## everything that CI runs

test-go: model ## Go tests, native, with the race detector where cgo is there
	$(GO) test $(if $(filter 1,$(CGO_ENABLED)),-race) -shuffle=on -timeout 15m ./...

test-wasm: deps-browser build ## the engine's tests as WebAssembly in a real browser
	$(WASM) test -exec "env GOOS= GOARCH= $(GO) run patchbay/shared/internal/wasmtest" ./shared/device/simd ./shared/tensor ./shared/nn ./shared/plan -short

test-browser: deps-browser model build ## the page in real headless Chromium
	PATCHBAY_BROWSER=1 $(GO) test -count=1 -timeout 15m ./wasm/browsertest/...

test-python: deps-python model ## a client in another language against a real sidecar
	$(GO) test -count=1 -run Python ./sidecar/...

lint: gen-check ## gofmt, vet for both platforms, generated code unchanged
	@test -z "$$(gofmt -l shared sidecar wasm *.go | tee /dev/stderr)" || { echo "gofmt would change the files above"; exit 1; }
	$(GO) vet ./...
	$(WASM) vet ./wasm/... ./shared/...
	CGO_ENABLED=0 $(GO) build -o /dev/null ./sidecar

gen: ## generate the Vugu code again
	$(GO) run github.com/vugu/vugu/cmd/vugugen -skip-go-mod -skip-main wasm/app/ui
	gofmt -w wasm/app/ui/*_gen.go

gen-check: ## the committed Vugu code is what the generator makes
	@d=$$(mktemp -d) && cp -r wasm/app/ui $$d && $(MAKE) -s gen && diff -r wasm/app/ui $$d/ui && rm -r $$d

kernels: ## compile the C kernels to WebAssembly (needs clang 19)
	shared/device/simd/build.sh public/kernels

kernels-check: ## the committed kernels are what clang 19 makes, byte for byte
	@d=$$(mktemp -d) && shared/device/simd/build.sh $$d && for f in public/kernels/*.wasm; do cmp $$f $$d/$$(basename $$f) || exit 1; done && rm -r $$d

fuzz: ## ten minutes of every fuzz target
	@for p in $$($(GO) list ./shared/... ./sidecar/...); do for f in $$($(GO) test -list '^Fuzz' $$p | grep ^Fuzz); do \
	  echo "$$p $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $${FUZZTIME:-10m} $$p || exit 1; done; done

bench: patchbay model build deps-browser ## speed of this engine, native and in the tab
	./patchbay bench --model $(MODEL)
	for threads in 1 0; do $(GO) run ./wasm/browsertest/bench -threads $$threads || exit 1; done

bench-peers: patchbay model build ## this engine and its peers in one run, side by side (PEERS names the script that runs them)
	@test -x "$(PEERS)" || { echo "set PEERS to the peers' run.sh"; exit 1; }
	docs/bench-peers.sh "$(PEERS)"

exhaustive: model ## every reference value on every device; minutes to an hour
	PATCHBAY_EXHAUSTIVE=1 $(GO) test -count=1 -timeout 2h ./shared/...

# Where the world's text and the training's states go, and the Python that has torch.
POCKET_DIR ?= $(or $(TMPDIR),/tmp)/pocket
PYTHON     ?= python3

pocket: ## train Pocket again from nothing (Python with torch, tokenizers, numpy, gguf; about an hour on two idle cores)
	$(GO) run ./shared/world/cmd -out $(POCKET_DIR)
	OMP_NUM_THREADS=1 $(PYTHON) shared/world/train/train.py $(POCKET_DIR)
	$(PYTHON) shared/world/train/export.py $(POCKET_DIR) public/models/pocket.gguf
	$(GO) run ./shared/world/eval -card public/models/pocket.md
	@sha256sum public/models/pocket.gguf # its place is shared/weights/catalogue.go

gallery: build ## take the pictures of docs/gallery.md anew, every lesson in a real browser
	PATCHBAY_BROWSER=1 PATCHBAY_GALLERY=1 $(GO) test -count=1 -timeout 20m -run 'TestEveryLesson|TestGalleryPage' ./wasm/browsertest

golden: ## write golden files anew; look at the diff
	$(GO) test ./shared/... ./wasm/scene/... -update

deps-browser:
	@command -v chromium chromium-browser google-chrome >/dev/null || test -n "$$CHROMIUM" || { \
	  echo "installing Chromium"; apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null; } || { \
	  echo "the browser tests need Chromium: install it, or name its binary in CHROMIUM"; exit 1; }

deps-python:
	@python3 -c 'import websockets, zstandard' 2>/dev/null || python3 -m pip install -q websockets zstandard 2>/dev/null || \
	  python3 -m pip install -q --break-system-packages websockets zstandard || { echo "the Python client's test needs the packages websockets and zstandard"; exit 1; }

clean: ## remove what was built; models stay in the cache folder
	rm -rf patchbay public/dist out
