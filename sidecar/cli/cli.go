// Package cli is the command line. Results go to standard output, progress and errors to
// standard error, and the exit code says what sort of failure it was.
package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"patchbay/shared/errs"
)

// The exit codes.
const (
	ExitOK        = 0
	ExitFailure   = 1
	ExitUsage     = 2
	ExitNotFound  = 3   // no such model, experiment, site or file
	ExitRefused   = 4   // too large, no room, busy, not allowed, not supported
	ExitCancelled = 130 // Ctrl-C, as shells have it
)

// Streams are where a command reads and writes.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
	Terminal bool // Err is a terminal: progress may overwrite itself
}

// Standard are the process's own streams.
func Standard() Streams {
	info, err := os.Stderr.Stat()
	return Streams{os.Stdin, os.Stdout, os.Stderr, err == nil && info.Mode()&os.ModeCharDevice != 0}
}

// env is a running command.
type env struct {
	Streams
	ctx  context.Context
	line bool // a line of progress stands on Err
}

// command is an entry of the table that dispatch and help read.
type command struct {
	name  string
	args  string // what follows it, for help
	short string // one line
	run   func(*env, []string) error
}

func commands() []command {
	return []command{
		{"models", "[--json]", "list the models that can be had, and what of them is here", models},
		{"pull", "MODEL [--from FILE]", "fetch a model of the list, once, verified by its digest", pullModel},
		{"run", "EXPERIMENT --model MODEL [--PARAM VALUE ...]", "run an experiment and show its result", run},
		{"plan", "--model MODEL --in PLAN.json --out READS.safetensors", "run a plan of reads and edits", runPlan},
		{"tokenize", "--model MODEL [--chat] [TEXT]", "show a text's tokens (without TEXT: of standard input)", tokenize},
		{"bench", "--model MODEL [--mode exact|fast|both] [--what grid,scope,lens,many,growth]", "measure load, prefill, decode and memory, or sweeps", bench},
		{"serve", "[--lab DIR] [--addr HOST:PORT] [--host NAME]", "serve the engine, and the lab's page if asked", serve},
		{"help", "[COMMAND | EXPERIMENT]", "explain a command or an experiment", help},
	}
}

// Main runs one command and gives the exit code. The first Ctrl-C cancels, a second one kills.
func Main(ctx context.Context, args []string, s Streams) int {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	go func() { <-ctx.Done(); stop() }()
	e := &env{Streams: s, ctx: ctx}
	err := e.dispatch(args)
	e.endLine()
	if ctx.Err() != nil && err != nil && !errors.Is(err, errUsage) {
		fmt.Fprintln(s.Err, "stopped")
		return ExitCancelled
	}
	if err != nil && !errors.Is(err, errShown) {
		fmt.Fprintln(s.Err, "patchbay: "+err.Error())
	}
	return exitCode(err)
}

var (
	// errUsage marks errors of the command line itself.
	errUsage = errors.New("usage")
	// errShown marks errors that have been printed.
	errShown = fmt.Errorf("%w, shown", errUsage)
)

func (e *env) dispatch(args []string) error {
	if len(args) == 0 {
		overview(e.Err)
		return errShown
	}
	switch args[0] {
	case "-h", "-help", "--help":
		return help(e, args[1:])
	}
	for _, c := range commands() {
		if c.name == args[0] {
			err := c.run(e, args[1:])
			if errors.Is(err, flag.ErrHelp) {
				return nil
			}
			return err
		}
	}
	return usage("there is no command %q; `patchbay help` lists them", args[0])
}

func usage(format string, args ...any) error {
	return fmt.Errorf("%s%w", fmt.Sprintf(format, args...), silent{errUsage})
}

// silent hangs a mark on an error without adding to its words.
type silent struct{ error }

func (silent) Error() string   { return "" }
func (s silent) Unwrap() error { return s.error }

func exitCode(err error) int {
	switch {
	case err == nil:
		return ExitOK
	case errors.Is(err, errUsage):
		return ExitUsage
	}
	switch errs.KindOf(err) {
	case errs.NotFound:
		return ExitNotFound
	case errs.TooLarge, errs.NoSpace, errs.Busy, errs.Denied, errs.Unsupported:
		return ExitRefused
	case errs.Cancelled:
		return ExitCancelled
	}
	return ExitFailure
}

// flags makes a command's flag set; -h prints its help.
func (e *env) flags(name string) *flag.FlagSet {
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.Usage = func() {
		for _, c := range commands() {
			if c.name == name {
				fmt.Fprintf(e.Out, "patchbay %s %s\n\n%s\n\n", c.name, c.args, sentence(c.short))
			}
		}
		f.SetOutput(e.Out)
		f.PrintDefaults()
	}
	return f
}

// parse reads flags and positional arguments in any order, at most n of the latter.
func parse(f *flag.FlagSet, args []string, n int) ([]string, error) {
	var rest []string
	explain := f.Usage
	f.Usage = func() {} // an error gets a line, not the whole help
	for {
		if err := f.Parse(args); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				explain()
				return nil, err
			}
			return nil, usage("%v; see `patchbay help %s`", err, f.Name())
		}
		if f.NArg() == 0 {
			return rest, nil
		}
		if rest = append(rest, f.Arg(0)); len(rest) > n {
			return nil, usage("%q is one argument too many; see `patchbay help %s`", f.Arg(0), f.Name())
		}
		args = f.Args()[1:]
	}
}

// list is a flag that may be given several times.
type list []string

func (l *list) String() string     { return strings.Join(*l, ",") }
func (l *list) Set(v string) error { *l = append(*l, v); return nil }

func sentence(s string) string { return strings.ToUpper(s[:1]) + s[1:] + "." }
