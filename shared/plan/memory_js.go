package plan

// DefaultMemory is what a sweep takes beside the model, in bytes, unless told otherwise. A tab has less.
const DefaultMemory = 200 << 20
