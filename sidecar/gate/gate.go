// Package gate decides who may speak to this server before anything else runs: the Host and
// the Origin of every request must be on exact lists, and a websocket must show the token in
// its first frame (SECURITY.md, T1, T2, T4).
//
// A page anywhere on the web may open a websocket to 127.0.0.1, and a name that is rebound to
// 127.0.0.1 makes its Origin equal its Host; so neither may merely match the other.
package gate

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"patchbay/shared/errs"
)

// Config lists what is allowed.
type Config struct {
	// Names are the hosts this server answers for, "localhost" or "[::1]" with the server's
	// own port, or "lab.test:80" with another. Loopback's names are added.
	Names []string
	// Origins are further pages that may connect, "https://example.org".
	Origins []string
	Port    int
	TLS     bool
	// Token is what a client must know; empty: a new one is made.
	Token string
}

// Gate holds the lists.
type Gate struct {
	hosts   map[string]bool
	origins map[string]bool
	token   string
}

// Loopback are the names of this machine for itself.
var Loopback = []string{"127.0.0.1", "localhost", "[::1]"}

// New makes a gate, or says which name or origin it cannot take.
func New(c Config) (*Gate, error) {
	g := &Gate{hosts: map[string]bool{}, origins: map[string]bool{}, token: c.Token}
	if g.token == "" {
		g.token = NewToken()
	}
	for _, name := range append(slices.Clone(Loopback), c.Names...) {
		if err := g.addName(name, c); err != nil {
			return nil, err
		}
	}
	for _, o := range c.Origins {
		u, err := url.Parse(o)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.Scheme+"://"+u.Host != o || o != strings.ToLower(o) {
			return nil, errs.E("gate.New", errs.Invalid, "%q is no origin; an origin looks like https://example.org or http://example.org:8080", o)
		}
		g.origins[o] = true
	}
	return g, nil
}

// NewToken makes a token of 128 random bits.
func NewToken() string {
	var b [16]byte
	rand.Read(b[:]) // never fails since Go 1.24
	return hex.EncodeToString(b[:])
}

func (g *Gate) addName(name string, c Config) error {
	scheme, usual := "http", 80
	if c.TLS {
		scheme, usual = "https", 443
	}
	host, port := name, c.Port
	if h, p, err := net.SplitHostPort(name); err == nil {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil {
			return badName(name)
		}
		host, port = h, int(n)
		if strings.Contains(h, ":") {
			host = "[" + h + "]"
		}
	}
	if !validName(host) {
		return badName(name)
	}
	full := fmt.Sprintf("%s:%d", host, port)
	if port == usual { // browsers leave the usual port out, other clients may not
		g.hosts[host] = true
		g.origins[scheme+"://"+host] = true
	}
	g.hosts[full] = true
	g.origins[scheme+"://"+full] = true
	return nil
}

func badName(name string) error {
	return errs.E("gate.New", errs.Invalid, "%q is no host name; give lower-case names or addresses without scheme or path, such as lab.test, 192.168.1.5 or lab.test:80", name)
}

func validName(host string) bool {
	if inner, ok := strings.CutPrefix(host, "["); ok {
		inner, ok = strings.CutSuffix(inner, "]")
		return ok && net.ParseIP(inner) != nil
	}
	return host != "" && strings.Trim(host, "abcdefghijklmnopqrstuvwxyz0123456789-.") == ""
}

// Token is the secret; it is printed once, in the fragment of the address, and logged nowhere.
func (g *Gate) Token() string { return g.token }

// Knows compares a token in constant time, whatever its length.
func (g *Gate) Knows(token string) bool {
	a, b := sha256.Sum256([]byte(token)), sha256.Sum256([]byte(g.token))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// Check refuses a request whose Host is not one of this server's names or whose Origin is not
// on the list. needOrigin refuses a missing one too: browsers always send it with a websocket.
func (g *Gate) Check(r *http.Request, needOrigin bool) error {
	if !g.hosts[r.Host] {
		return errs.E("gate.Check", errs.Denied, "this server does not answer for host %q; if that name is meant, start it with --host NAME", clip(r.Host))
	}
	origins := r.Header.Values("Origin")
	if len(origins) == 0 && !needOrigin {
		return nil
	}
	if len(origins) != 1 || !g.origins[origins[0]] {
		return errs.E("gate.Check", errs.Denied, "a page of origin %q may not use this server; if it is meant to, start it with --origin ORIGIN", clip(strings.Join(origins, ", ")))
	}
	return nil
}

// clip keeps hostile values short in messages and logs.
func clip(s string) string {
	if len(s) > 80 {
		return s[:80] + "..."
	}
	return s
}
