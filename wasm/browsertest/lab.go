package browsertest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Lab is the real server, `go run .`, as a process of its own: the page, the models and a
// sidecar on one origin.
type Lab struct {
	URL *url.URL // what it printed, the token in its fragment
	bin string
	cmd *exec.Cmd
}

// labBinary builds the server once for all tests of a run.
var labBinary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "patchbay-lab-")
	if err != nil {
		return "", err
	}
	builtLab = dir
	bin := filepath.Join(dir, "lab")
	cmd := exec.Command("go", "build", "-o", bin, ".")
	cmd.Dir = Root()
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the server: %w\n%s", err, out)
	}
	return bin, nil
})

// builtLab is the folder of what labBinary built.
var builtLab string

// RemoveLabBinary removes what the tests built; TestMain calls it last.
func RemoveLabBinary() {
	if builtLab != "" {
		os.RemoveAll(builtLab)
	}
}

// StartLab starts the server on an address of loopback; port 0 is any. Further flags are its own.
func StartLab(ctx context.Context, addr string, flags ...string) (*Lab, error) {
	bin, err := labBinary()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, bin, append([]string{"-addr", addr, "-quiet"}, flags...)...)
	cmd.Dir, cmd.Stderr = Root(), os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) }
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	first, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		cmd.Process.Kill()
		return nil, fmt.Errorf("the server printed no address: %w", err)
	}
	go io.Copy(io.Discard, out)
	u, err := url.Parse(strings.TrimSpace(first))
	return &Lab{u, bin, cmd}, err
}

// At is the lab's address under another name of it, with or without its token.
func (l *Lab) At(host string, token bool) string {
	u := *l.URL
	u.Host = host + ":" + u.Port()
	if !token {
		u.Fragment = ""
	}
	return u.String()
}

// Token is what lets a page in.
func (l *Lab) Token() string { return strings.TrimPrefix(l.URL.Fragment, "token=") }

// Kill ends the server at once, as a crash does.
func (l *Lab) Kill() {
	l.cmd.Process.Kill()
	l.cmd.Wait()
}
