package main

// restore is the start function: a browser runs it when the memory is laid out, before anything
// else. It lays columns (encodeColumns) out as words and leaves their place empty.
//
//	p = at
//	do {
//	  out, stride, dict = [p], [p+4], p+12
//	  p = dict + 4*[p+8]
//	  last, i = 0, n
//	  do {
//	    x = byte[p] | byte[p+n]<<8
//	    if x&1 { word = [dict + x>>1<<2] } else { word = last += x>>1 }
//	    [out] = word
//	    out, p, i = out+stride, p+1, i-1
//	  } while i
//	  p, count = p+n, count-1
//	} while count
//	fill(at, 0, size)
func restore(at, size int64, count, n int) []byte {
	const p, cols, out, stride, dict, i, x, last = 0, 1, 2, 3, 4, 5, 6, 7
	get := func(l int64) op { return op{code: opGet, x: l} }
	set := func(l int64) op { return op{code: opSet, x: l} }
	num := func(v int64) op { return op{code: opI32Const, x: v} }
	load := func(off int64) op { return op{code: opI32Load, x: 0, y: off} }
	do := func(code uint16) op { return op{code: code} }
	add, shr, shl := do(opI32Add), do(opI32ShrU), do(opI32Shl)
	ops := []op{
		num(at), set(p), num(int64(count)), set(cols),
		{code: opLoop, x: 0x40},
		get(p), load(0), set(out), get(p), load(4), set(stride),
		get(p), num(12), add, set(dict),
		get(dict), get(p), load(8), num(2), shl, add, set(p),
		num(0), set(last), num(int64(n)), set(i),
		{code: opLoop, x: 0x40},
		get(p), {code: opI32Load8U}, get(p), {code: opI32Load8U, y: int64(n)}, num(8), shl, do(opI32Or), set(x),
		get(out),
		get(x), num(1), do(opI32And),
		{code: opIf, x: typeI32},
		get(dict), get(x), num(1), shr, num(2), shl, add, load(0),
		do(opElse),
		get(last), get(x), num(1), shr, add, {code: opTee, x: last},
		do(opEnd),
		{code: opI32Store},
		get(out), get(stride), add, set(out), get(p), num(1), add, set(p),
		get(i), num(1), do(opI32Sub), {code: opTee, x: i}, {code: opBrIf},
		do(opEnd),
		get(p), num(int64(n)), add, set(p),
		get(cols), num(1), do(opI32Sub), {code: opTee, x: cols}, {code: opBrIf},
		do(opEnd),
		num(at), num(0), num(size), {code: opMemoryFill, raw: []byte{0}},
		do(opEnd),
	}
	return encode([]byte{1, 8, typeI32}, ops)
}
