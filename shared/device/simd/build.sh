#!/bin/sh
# Compiles the kernels to WebAssembly: plain and relaxed SIMD, for memory of one thread and shared (-mt).
# Needs clang 19 and wasm-ld 19, so that the result is the same byte for byte everywhere.
#   build.sh OUTPUT_FOLDER
set -eu
out=${1:?usage: build.sh OUTPUT_FOLDER}
here=$(cd "$(dirname "$0")" && pwd)
clang=${CLANG:-clang-19} ld=${WASM_LD:-wasm-ld-19}
case $("$clang" --version) in
*"version 19."*) ;;
*) echo "build.sh: $clang is not clang 19: set CLANG and WASM_LD" >&2; exit 1 ;;
esac
mkdir -p "$out"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

build() { # name, compiler flags, linker flags
	(cd "$here" && "$clang" --target=wasm32 -std=gnu11 -O3 -ffreestanding -nostdlib -msimd128 -mbulk-memory $2 -Wall -Wextra -Werror -c wasm.c -o "$tmp/$1.o")
	"$ld" --no-entry --import-memory --stack-first -z stack-size=131072 --initial-memory=1048576 --max-memory=4294967296 \
		--export=__stack_pointer --strip-all $3 "$tmp/$1.o" -o "$out/$1.wasm"
}
build kernels-plain "" ""
build kernels-relaxed "-mrelaxed-simd" ""
build kernels-plain-mt "-matomics" "--shared-memory"
build kernels-relaxed-mt "-mrelaxed-simd -matomics" "--shared-memory"
ls -l "$out"/*.wasm
