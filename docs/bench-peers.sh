#!/usr/bin/env bash
# This engine and its peers in one run on one machine, each twice and in turn, as JSON lines:
# the ratios of README's table. The first argument is the peers' script, which takes the names
# of peers and prints one JSON object a line (peer, what, value, unit, threads).
# Compare only figures of one run: machines differ, and differ from day to day.
set -euo pipefail
peers=$1
model=${MODEL:-smollm2-135m-instruct}
cd "$(dirname "$0")/.."
ours() {
  ./patchbay bench --model "$model" --mode exact --json
  ./patchbay bench --model "$model" --mode fast --json
}
for _ in 1 2; do
  "$peers" llamacpp
  ours
done
"$peers" transformersjs
for threads in 1 0; do go run ./wasm/browsertest/bench -reps 2 -threads $threads; done
if [ "${SWEEPS:-}" ]; then
  "$peers" hf-hooks
  ./patchbay bench --model "$model" --what grid,scope,lens --json
  for threads in 1 2; do go run ./wasm/browsertest/bench -reps 1 -threads $threads -plans grid,scope,lens; done
fi
