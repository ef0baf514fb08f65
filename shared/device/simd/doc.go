// Package simd computes on the processor's vector units: one C source, compiled natively through
// cgo and to WebAssembly for the tab. Without cgo New returns errs.Unsupported and callers use
// device/ref.
//
// # Where things are
//
// Weights and activations lie in memory that is not Go's: the C heap natively, a WebAssembly module's
// own linear memory in the tab. Go holds addresses, checks every shape against the lengths of the
// buffers, and calls kernels by number (host.go); a kernel works on units lo ... hi-1, so that a call can be
// cut among threads. The C side reads, in order: kern.h (the contract), vec.h (one vector type
// for every instruction set), mathv.h (exp, tanh, erf), tile.h (the layout), bytes.h, matvec.h, gemm.h,
// elem.h, attend.h, back.h, repack.h, rank.h, and table.h, which is all of them. clone_*.c compile that
// for an instruction set each; wasm.c for the tab. share.h is how threads share a call: natively they
// are goroutines in pool.c; in the tab workers over the same memory, started by public/kernels/kernels.js
// where the page is cross-origin isolated, as many as tune_js.go measures to pay.
//
// # The layout
//
// Sixteen rows of a matrix make a tile, and 32-bit lane r of every 64-byte line belongs to row r. For a
// type of 4 bits a block of 32 columns is four such lines, and a lane's eight nibbles are
// eight columns:
//
//	bits   0-3  4-7  8-11 12-15 | 16-19 20-23 24-27 28-31
//	column  0    2    4     6   |   1     3     5     7
//
// One shift and one mask give columns (2s, 2s+1) as two int16 in each lane, which is what
// pmaddwd, vpdpwssd and i32x4.dot_i16x8_s multiply with a broadcast pair of activations and add. So all
// rows of a tile sum in their own lanes, block scales are vectors, nothing is ever summed
// across lanes, and the same unpacking, converted to float32, is the panel [column][16] of the
// matrix-matrix kernel. A fifth and sixth bit lie in lines of their own (a lane has 32 of them); 8-bit codes
// take eight lines a block; scales stay halves, K-quants keep their 6-bit scales as bytes. A weight takes
// the bytes that the file has, K-quants 2% more.
//
// # Two ways to multiply
//
// A few rows of activations meet the codes in fixed point (matvec.h): integer sums are exact, so the
// result has float32's own error without unpacking weights to float32. More rows share one unpacking of
// a panel and multiply in float32 at the speed of the machine's fused multiply-add (gemm.h). The largest
// number of rows that fixed point serves is measured (BenchmarkCrossover) for each instruction set:
//
//	             exact  fast
//	SSE2, NEON     3     64
//	AVX2           2     32
//	AVX-512 VNNI  16    all    one vpdpwssd does two multiplications where an FMA does one
//	WebAssembly    3      8    other types than the next line's
//	  relaxed     16     16    4-bit weights
//
// Float weights change over after one row. Between those numbers and about 24 rows a product costs more
// a row than a large one does, because unpacking is shared by few.
//
// Where relaxed SIMD is, 4-bit weights meet planes of bytes (bytes.h): one instruction does sixteen
// multiplications there, and two or three planes are as good as float32 needs.
//
// # What was not obvious
//
// Processors fetch ahead only of who reads straight on. So everything that a few blocks consist of lies
// together and a matrix is one stream: in WebAssembly, which has no prefetch instruction, that is as fast
// out of memory as out of a cache, where codes first and scales after them had two thirds of it. Natively
// each unit also fetches the next while it works: that doubled matrix-vector products.
//
// In WebAssembly a block's loop is unrolled and LLVM is kept from moving its loads to the front (AFTER in
// tile.h): engines have 15 vector registers, and keep to the order that they are given. Where LLVM
// decides, a real loop is better than an unrolled one (EACH_PART). A subnormal float32 as an operand
// costs a hundred cycles on some processors, so no scale is ever made one that a file did not hold as one.
//
// Products that follow each other with the same input (q, k and v; gate and up) prepare it once: the device
// remembers what its scratch holds until something writes there. In attention of many queries the lanes
// are queries, keys and values are broadcast from where they lie: nothing is transposed, and softmax needs
// no sum across lanes.
package simd
