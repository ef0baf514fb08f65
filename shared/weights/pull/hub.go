//go:build !js

package pull

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"patchbay/shared/errs"
)

// How patient the hub route is.
const (
	connectTimeout = 5 * time.Second // a machine without the internet must not wait long for the next route
	headerTimeout  = 30 * time.Second
	stallTimeout   = 60 * time.Second // without a single byte
	attempts       = 4                // in a row without progress
	hubPause       = 300 * time.Millisecond
)

// hub downloads from a hub that speaks Hugging Face's addresses, by HTTP ranges.
type hub struct {
	endpoint string
	client   *http.Client
	pause    time.Duration // before the second attempt; longer before later ones
}

func hubClient() *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DialContext = (&net.Dialer{Timeout: connectTimeout, KeepAlive: 30 * time.Second}).DialContext
	t.TLSHandshakeTimeout = connectTimeout
	t.ResponseHeaderTimeout = headerTimeout
	t.DisableCompression = true // sizes and ranges count the file's own bytes
	return &http.Client{Transport: t}
}

// again marks a failure that another attempt may cure.
type again struct{ error }

func (a again) Unwrap() error { return a.error }

// fetch brings the rest of the part. A cut connection is taken up again where it broke, as long
// as each attempt brings something, or up to four in a row that do not.
func (h hub) fetch(ctx context.Context, p *part) error {
	fruitless := 0
	for {
		before := p.n
		err := h.attempt(ctx, p)
		var retry again
		if err == nil || ctx.Err() != nil || !errors.As(err, &retry) {
			return err
		}
		if fruitless++; p.n > before {
			fruitless = 1
		}
		if fruitless >= attempts {
			return retry.error
		}
		p.meter.stage(StageHub, fmt.Sprintf("the connection broke, going on at %s", size(p.n)))
		select {
		case <-time.After(time.Duration(fruitless) * h.pause):
		case <-ctx.Done():
			return cancelled(ctx)
		}
	}
}

// attempt is one request.
func (h hub) attempt(ctx context.Context, p *part) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.entry.URL(h.endpoint), nil)
	if err != nil {
		return errs.E("pull.hub", errs.Invalid, "HF_ENDPOINT %q is no address: %w", h.endpoint, err)
	}
	if p.n > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", p.n))
	}
	if token := os.Getenv("HF_TOKEN"); token != "" {
		req.Header.Set("Authorization", "Bearer "+token) // dropped by the client on a redirect elsewhere
	}
	resp, err := h.client.Do(req)
	if err != nil {
		return unreachable(err)
	}
	defer resp.Body.Close()
	if err := accept(resp, p); err != nil {
		return err
	}
	stall := time.AfterFunc(stallTimeout, stop)
	defer stall.Stop()
	err = copyTo(ctx, p, &watched{resp, stall})
	if errs.KindOf(err) == errs.Gone || errs.KindOf(err) == errs.Cancelled || err == nil && p.n < p.entry.Size {
		return again{errs.E("pull.hub", errs.Gone, "the connection broke at %s of %s", size(p.n), size(p.entry.Size))}
	}
	return err
}

// accept looks at the status and readies the part for the body.
func accept(resp *http.Response, p *part) error {
	switch resp.StatusCode {
	case http.StatusPartialContent:
		var from, to, total int64
		_, err := fmt.Sscanf(resp.Header.Get("Content-Range"), "bytes %d-%d/%d", &from, &to, &total)
		if err != nil || from != p.n {
			return errs.E("pull.hub", errs.Corrupt, "it answered with the range %q instead of the one from byte %d", resp.Header.Get("Content-Range"), p.n)
		}
		return sameSize(total, p)
	case http.StatusOK: // no ranges here: the whole file comes
		if err := sameSize(resp.ContentLength, p); err != nil || p.n == 0 {
			return err
		}
		return p.reset()
	case http.StatusRequestedRangeNotSatisfiable:
		return errs.E("pull.hub", errs.Corrupt, "its file ends before byte %d: it is another file", p.n)
	case http.StatusNotFound, http.StatusGone:
		return errs.E("pull.hub", errs.NotFound, "it has no %s (status %d)", p.entry.Hub+"/"+p.entry.File, resp.StatusCode)
	case http.StatusUnauthorized, http.StatusForbidden:
		return errs.E("pull.hub", errs.Denied, "it refuses %s (status %d): a token in HF_TOKEN may be needed", p.entry.Hub, resp.StatusCode)
	}
	err := errs.E("pull.hub", errs.Gone, "it answered with status %d", resp.StatusCode)
	if resp.StatusCode >= 500 || resp.StatusCode == http.StatusTooManyRequests {
		return again{err}
	}
	return err
}

// sameSize refuses another file before a byte of it is stored; -1 is unknown.
func sameSize(n int64, p *part) error {
	if n >= 0 && n != p.entry.Size {
		return errs.E("pull.hub", errs.Corrupt, "its file has %d bytes, the catalogue's %d: it is another file", n, p.entry.Size)
	}
	return nil
}

// unreachable tells a dead network, which the next route may not share, from a broken connection.
func unreachable(err error) error {
	var dns *net.DNSError
	var op *net.OpError
	switch {
	case errors.As(err, &dns):
		return errs.E("pull.hub", errs.Gone, "its name %s cannot be resolved here", dns.Name)
	case errors.As(err, &op) && op.Op == "dial":
		return errs.E("pull.hub", errs.Gone, "no connection within %s", connectTimeout)
	case strings.Contains(err.Error(), "certificate"):
		return errs.E("pull.hub", errs.Denied, "its certificate is not trusted here: %w", err)
	}
	return again{errs.E("pull.hub", errs.Gone, "no answer: %w", err)}
}

// watched winds up the stall timer with every byte that comes.
type watched struct {
	resp  *http.Response
	stall *time.Timer
}

func (w *watched) Read(b []byte) (int, error) {
	n, err := w.resp.Body.Read(b)
	if n > 0 {
		w.stall.Reset(stallTimeout)
	}
	return n, err
}
