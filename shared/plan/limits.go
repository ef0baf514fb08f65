package plan

// The limits on a plan, whatever the model. They bound the work of checking it; the price
// of running it is another matter.
const (
	MaxBytes    = 8 << 20 // of a plan's JSON
	MaxRuns     = 1024
	MaxEdits    = 4096    // of a run
	MaxReads    = 4096    // of a run
	MaxItems    = 1 << 14 // edits and reads of all runs, those of bases counted again
	MaxRows     = 1 << 21 // layers times positions of all reads
	MaxSelect   = 1 << 17 // items of a list of layers, heads, elements or positions
	MaxValues   = 1 << 20 // numbers of a literal operand
	MaxName     = 64      // bytes of a run's or read's name
	MaxPrompt   = 4096    // tokens of a prompt, if the model does not say less
	MaxText     = 1 << 18 // bytes of a prompt's text
	MaxGenerate = 2048    // new tokens of a run
	MaxTopK     = 1000    // tokens or elements listed for a position
	MaxTokens   = 4096    // tokens asked for by a read
	MaxMatrix   = 8192    // rows of an affine matrix
	MaxTerms    = 1024    // reads in a linear combination
	MaxVariants = 1 << 18 // of a sweep
	MaxResult   = 1 << 26 // numbers that the reads of a plan return, together
)
