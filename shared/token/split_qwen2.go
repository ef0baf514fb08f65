package token

// splitQwen2 is Qwen2's splitter: Llama 3's with every number a word of its own.
//
//	(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}
//	| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
var splitQwen2 = words(func(s string) int { return firstLlama3(s, 1) })
