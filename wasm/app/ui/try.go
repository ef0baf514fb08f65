package ui

// Try offers prompts that show something, one click each.
type Try struct{ L *Lab }
