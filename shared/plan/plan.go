// Package plan holds interventions as data: runs over prompts, reads and edits. No code ever
// crosses a wire; a plan is checked against the model before anything runs.
package plan

// Edit changes an activation (DESIGN, Plans).
type Edit struct {
	Site string `json:"site"`
}
