// Patchbay's command line: models, experiments, plans and the sidecar. `patchbay help` tells.
package main

import (
	"context"
	"os"

	"patchbay/sidecar/cli"
)

func main() {
	os.Exit(cli.Main(context.Background(), os.Args[1:], cli.Standard()))
}
