// Serve is the one command: the lab and an engine on one origin. It builds nothing and opens
// nothing; it prints the address. The flags are those of `patchbay serve`.
package main

import (
	"context"
	"os"

	"patchbay/sidecar/cli"
)

func main() {
	os.Exit(cli.Lab(context.Background(), os.Args[1:], cli.Standard()))
}
