package server

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"patchbay/shared/host/hosttest"
	"patchbay/shared/weights"
	"patchbay/shared/wire"
	"patchbay/shared/wire/zstd"
)

func TestMain(m *testing.M) {
	zstd.New() // its goroutines live as long as the process
	goleak.VerifyTestMain(m)
}

// lab writes a small built page.
func lab(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) {
		p := filepath.Join(dir, name)
		os.MkdirAll(filepath.Dir(p), 0o755)
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	app := strings.Repeat("wasm ", 1000)
	var gz bytes.Buffer
	w := gzip.NewWriter(&gz)
	w.Write([]byte(app))
	w.Close()
	sum := sha256.Sum256([]byte(app))
	m, _ := json.Marshal(map[string]any{"files": []packed{
		{Path: "dist/app.wasm", SHA256: hex.EncodeToString(sum[:]), Br: "dist/z/app.wasm.br", Gz: "dist/z/app.wasm.gz"},
		{Path: "style.css", SHA256: "of an older build", Gz: "dist/z/app.wasm.gz"}}})
	write("index.html", "<!doctype html><title>lab</title>")
	write("style.css", "body{}")
	write(".secret", "hidden")
	write("dist/app.wasm", app)
	write("dist/font.0123456789abcdef.bin", "x")
	write("dist/manifest.json", string(m))
	write("dist/z/app.wasm.br", "brotli!")
	write("dist/z/app.wasm.gz", gz.String())
	return dir
}

func start(t *testing.T, change func(*Options)) *Server {
	t.Helper()
	h := hosttest.New(nil, nil)
	o := Options{Addr: "127.0.0.1:0", Public: lab(t), Models: t.TempDir(), Host: h, Token: "0123456789abcdef0123456789abcdef"}
	if change != nil {
		change(&o)
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- s.Serve(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		h.Close()
		client.CloseIdleConnections()
	})
	return s
}

var client = &http.Client{Transport: &http.Transport{DisableCompression: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

func get(t *testing.T, s *Server, path string, header ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequest("GET", s.base()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
		} else {
			r.Header.Add(header[i], header[i+1])
		}
	}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	return resp, string(body)
}

// origins are those of strangers. OWN is replaced by the server's own port.
var origins = []string{
	"null", "", "http://evil.test", "https://evil.test", "http://evil.test:OWN", "https://127.0.0.1:OWN", "ws://127.0.0.1:OWN",
	"http://127.0.0.1", "http://127.0.0.1:1", "http://127.0.0.1:OWN0", "http://127.0.0.1:OWN/", "http://127.0.0.1:OWN.evil.test",
	"http://127.0.0.1.evil.test:OWN", "http://evil.test/127.0.0.1:OWN", "http://127.0.0.1:OWN@evil.test", "http://user@127.0.0.1:OWN",
	"HTTP://127.0.0.1:OWN", "http://LOCALHOST:OWN", "http://localhost.:OWN", "http://localhost.evil.test:OWN", "http://evillocalhost:OWN",
	"http://[::1]", "http://[::ffff:127.0.0.1]:OWN", "http://127.1:OWN", "http://0.0.0.0:OWN", "http://2130706433:OWN",
	"http://127.0.0.1:OWN, http://evil.test", " http://127.0.0.1:OWNx", "file://", "chrome-extension://abcdefgh", "http://127.0.0.2:OWN",
}

func TestForeignOriginsReachNoRoute(t *testing.T) {
	s := start(t, nil)
	routes, err := s.routes()
	if err != nil {
		t.Fatal(err)
	}
	own := fmt.Sprint(s.port())
	for _, route := range routes {
		path := strings.ReplaceAll(route.Pattern, "{file}", "smollm2-135m-instruct.gguf")
		for _, o := range origins {
			o = strings.ReplaceAll(o, "OWN", own)
			resp, body := get(t, s, path, "Origin", o)
			if resp.StatusCode != http.StatusForbidden {
				t.Errorf("%s from origin %q: %d %s", path, o, resp.StatusCode, body)
			}
		}
		if resp, _ := get(t, s, path, "Origin", "http://127.0.0.1:"+own); resp.StatusCode == http.StatusForbidden {
			t.Errorf("%s refuses its own page", path)
		}
		if route.Socket {
			if resp, _ := get(t, s, path); resp.StatusCode != http.StatusForbidden {
				t.Errorf("%s without origin: %d", path, resp.StatusCode)
			}
		}
	}
	// A path that no route has is no way in either.
	if resp, _ := get(t, s, "//evil.test/%2e%2e", "Origin", "http://evil.test"); resp.StatusCode != http.StatusForbidden {
		t.Errorf("an unknown path: %d", resp.StatusCode)
	}
}

func TestReboundHostReachesNoRoute(t *testing.T) {
	s := start(t, nil)
	routes, _ := s.routes()
	own := fmt.Sprint(s.port())
	for _, route := range routes {
		path := strings.ReplaceAll(route.Pattern, "{file}", "smollm2-135m-instruct.gguf")
		for _, h := range []string{"evil.test", "evil.test:OWN", "127.0.0.1.evil.test:OWN", "localhost", "127.0.0.1", "127.0.0.1:1", "LOCALHOST:OWN", "0.0.0.0:OWN"} {
			h = strings.ReplaceAll(h, "OWN", own)
			// After rebinding a page's Origin equals its Host.
			resp, _ := get(t, s, path, "Host", h, "Origin", "http://"+h)
			if resp.StatusCode != http.StatusForbidden {
				t.Errorf("%s for host %q: %d", path, h, resp.StatusCode)
			}
		}
	}
	_, resp, err := websocket.DefaultDialer.Dial("ws://127.0.0.1:"+own+"/ws", http.Header{"Host": {"evil.test:" + own}, "Origin": {"http://evil.test:" + own}})
	if err == nil || resp == nil || resp.StatusCode != http.StatusForbidden {
		t.Errorf("the rebinding handshake: %v %v", resp, err)
	}
}

func TestLANNamesWork(t *testing.T) {
	s := start(t, func(o *Options) { o.Hosts = []string{"lab.test", "class.test:80"} })
	own := fmt.Sprint(s.port())
	for host, want := range map[string]int{"lab.test:" + own: 200, "class.test": 200, "lab.test": 403, "other.test:" + own: 403} {
		if resp, _ := get(t, s, "/", "Host", host); resp.StatusCode != want {
			t.Errorf("host %s: %d", host, resp.StatusCode)
		}
	}
	c, _, err := websocket.DefaultDialer.Dial("ws://127.0.0.1:"+own+"/ws", http.Header{"Host": {"lab.test:" + own}, "Origin": {"http://lab.test:" + own}})
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	if urls := s.URLs(); len(urls) != 3 || urls[1] != "http://lab.test:"+own+"/#token="+s.Token() {
		t.Errorf("addresses %v", urls)
	}
}

func TestHeaders(t *testing.T) {
	s := start(t, nil)
	for _, path := range []string{"/", "/dist/app.wasm", "/nothing", "/healthz"} {
		resp, _ := get(t, s, path)
		h := resp.Header
		if h.Get("Cross-Origin-Opener-Policy") != "same-origin" || h.Get("Cross-Origin-Embedder-Policy") != "require-corp" ||
			h.Get("Cross-Origin-Resource-Policy") != "same-origin" || h.Get("X-Content-Type-Options") != "nosniff" ||
			h.Get("Referrer-Policy") != "no-referrer" || h.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: %v", path, h)
		}
		for _, part := range []string{"'wasm-unsafe-eval'", "worker-src 'self' blob:", "connect-src 'self' ws:", "object-src 'none'"} {
			if !strings.Contains(h.Get("Content-Security-Policy"), part) {
				t.Errorf("%s: the policy lacks %s", path, part)
			}
		}
	}
}

// Other people's pages may frame the embedded figure and the picture in it, and nothing else.
func TestEmbeddable(t *testing.T) {
	s := start(t, nil)
	for path, may := range map[string]bool{"/embed.html": true, "/stage.html": true, "/": false, "/index.html": false, "/embed.html/x": false} {
		resp, _ := get(t, s, path)
		policy, corp := resp.Header.Get("Content-Security-Policy"), resp.Header.Get("Cross-Origin-Resource-Policy")
		if strings.Contains(policy, "frame-ancestors *") != may || strings.Contains(policy, "frame-ancestors 'self'") == may || (corp == "cross-origin") != may {
			t.Errorf("%s: %s, %s", path, policy, corp)
		}
	}
}

func TestFiles(t *testing.T) {
	s := start(t, nil)
	app := strings.Repeat("wasm ", 1000)
	resp, body := get(t, s, "/dist/app.wasm")
	if body != app || resp.Header.Get("Content-Type") != "application/wasm" || resp.Header.Get("Cache-Control") != "no-cache" || resp.Header.Get("Content-Encoding") != "" {
		t.Errorf("plain: %d bytes, %v", len(body), resp.Header)
	}
	etag := resp.Header.Get("ETag")
	if resp, _ := get(t, s, "/dist/app.wasm", "If-None-Match", etag); resp.StatusCode != http.StatusNotModified {
		t.Errorf("with its ETag: %d", resp.StatusCode)
	}
	resp, body = get(t, s, "/dist/app.wasm", "Accept-Encoding", "gzip, deflate, br")
	if body != "brotli!" || resp.Header.Get("Content-Encoding") != "br" || resp.Header.Get("ETag") == etag || resp.Header.Get("Content-Type") != "application/wasm" {
		t.Errorf("brotli: %q %v", body, resp.Header)
	}
	resp, body = get(t, s, "/dist/app.wasm", "Accept-Encoding", "gzip, br;q=0")
	if r, err := gzip.NewReader(strings.NewReader(body)); err != nil || resp.Header.Get("Content-Encoding") != "gzip" {
		t.Errorf("gzip: %v %v", err, resp.Header)
	} else if raw, _ := io.ReadAll(r); string(raw) != app {
		t.Error("gzip: other content")
	}
	if _, body := get(t, s, "/style.css", "Accept-Encoding", "gzip"); body != "body{}" {
		t.Errorf("a copy of an older build was served: %q", body)
	}
	if resp, _ := get(t, s, "/dist/font.0123456789abcdef.bin"); !strings.Contains(resp.Header.Get("Cache-Control"), "immutable") {
		t.Errorf("hashed name: %v", resp.Header)
	}
	if resp, body := get(t, s, "/"); resp.StatusCode != 200 || !strings.Contains(body, "lab") {
		t.Errorf("index: %d %s", resp.StatusCode, body)
	}
	for _, path := range []string{"/dist", "/dist/", "/.secret", "/../server.go", "/%2e%2e/server.go", "/nothing", "/dist/%00"} {
		if resp, _ := get(t, s, path); resp.StatusCode != http.StatusNotFound && resp.StatusCode/100 != 3 {
			t.Errorf("%s: %d", path, resp.StatusCode)
		}
	}
}

func TestUnbuiltLabSaysSo(t *testing.T) {
	dir := t.TempDir()
	os.WriteFile(filepath.Join(dir, "index.html"), []byte("x"), 0o644)
	s := start(t, func(o *Options) { o.Public = dir })
	if resp, body := get(t, s, "/"); resp.StatusCode != http.StatusServiceUnavailable || !strings.Contains(body, "make build") {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	alone := start(t, func(o *Options) { o.Public = "" })
	if resp, body := get(t, alone, "/"); resp.StatusCode != 200 || !strings.Contains(body, "--lab") {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
}

func TestModelFiles(t *testing.T) {
	dir := t.TempDir()
	s := start(t, func(o *Options) { o.Models = dir })
	e := weights.Catalogue()[0]
	f, err := os.Create(filepath.Join(dir, e.ID+".gguf"))
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString("GGUF....")
	f.Truncate(e.Size) // a sparse file; what is in it is not the server's business
	f.Close()
	os.WriteFile(filepath.Join(dir, "secret.gguf"), []byte("x"), 0o644)
	resp, body := get(t, s, "/models/"+e.ID+".gguf", "Range", "bytes=0-3")
	if resp.StatusCode != http.StatusPartialContent || body != "GGUF" || resp.Header.Get("Content-Range") != fmt.Sprintf("bytes 0-3/%d", e.Size) {
		t.Errorf("range: %d %q %v", resp.StatusCode, body, resp.Header)
	}
	for _, name := range []string{"secret.gguf", e.ID, "..%2fsecret.gguf", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", weights.Catalogue()[1].ID + ".gguf", ""} {
		if resp, _ := get(t, s, "/models/"+name); resp.StatusCode != http.StatusNotFound {
			t.Errorf("%q: %d", name, resp.StatusCode)
		}
	}
}

func TestBusyPortGivesWay(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	busy := l.Addr().(*net.TCPAddr).Port
	s := start(t, func(o *Options) { o.Addr = fmt.Sprintf("127.0.0.1:%d", busy) })
	if s.Moved != busy || s.port() == busy {
		t.Errorf("asked for %d, got %d, moved from %d", busy, s.port(), s.Moved)
	}
	for _, addr := range []string{"", "nonsense", "127.0.0.1:x", "127.0.0.1:99999", "no.such.host.invalid:0"} {
		if _, err := New(Options{Addr: addr, Host: hosttest.New(nil, nil)}); err == nil {
			t.Errorf("address %q was taken", addr)
		}
	}
}

func TestTokenIsOnlyInTheFragment(t *testing.T) {
	var log bytes.Buffer
	s := start(t, func(o *Options) { o.Log = &log })
	if !strings.HasSuffix(s.URL(), "/#token="+s.Token()) || strings.Count(s.URL(), s.Token()) != 1 {
		t.Errorf("address %s", s.URL())
	}
	for _, path := range []string{"/?token=" + s.Token(), "/healthz", "/ws?token=" + s.Token(), "/" + s.Token()} {
		resp, body := get(t, s, path, "Authorization", "Bearer "+s.Token())
		if strings.Contains(body+fmt.Sprint(resp.Header), s.Token()) {
			t.Errorf("%s answers with the token", path)
		}
	}
	if strings.Contains(log.String(), s.Token()) {
		t.Errorf("the log holds the token: %s", log.String())
	}
}

func TestSelfSignedTLS(t *testing.T) {
	s := start(t, func(o *Options) { o.TLS, o.Hosts = true, []string{"lab.test"} })
	if resp, _ := get(t, s, "/healthz"); resp.StatusCode != 200 || resp.TLS == nil {
		t.Errorf("%d", resp.StatusCode)
	}
	if !strings.HasPrefix(s.URL(), "https://") || len(s.Fingerprint()) != 95 {
		t.Errorf("%s %s", s.URL(), s.Fingerprint())
	}
	d := websocket.Dialer{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	c, _, err := d.Dial("wss"+strings.TrimPrefix(s.base(), "https")+"/ws", http.Header{"Origin": {s.base()}})
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}

// Stop answers in words on every open line, and at once.
func TestStopClosesLinesWithAReason(t *testing.T) {
	h := hosttest.New(nil, nil)
	defer h.Close()
	s, err := New(Options{Addr: "127.0.0.1:0", Host: h})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- s.Serve(ctx) }()
	c, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(s.base(), "http")+"/ws", http.Header{"Origin": {s.base()}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	m, _ := wire.New(wire.KindHello, 0, wire.Hello{Token: s.Token()})
	f, _ := wire.Encode(m)
	c.WriteMessage(websocket.BinaryMessage, f[0])
	if _, _, err := c.ReadMessage(); err != nil {
		t.Fatal(err)
	}
	at := time.Now()
	stop()
	if _, _, err := c.ReadMessage(); !websocket.IsCloseError(err, websocket.CloseGoingAway) {
		t.Errorf("the line ended with %v", err)
	}
	if err := <-done; err != nil || time.Since(at) > 3*time.Second {
		t.Errorf("stopped after %v: %v", time.Since(at), err)
	}
}

func BenchmarkIndex(b *testing.B) {
	s, err := New(Options{Addr: "127.0.0.1:0", Host: hosttest.New(nil, nil)})
	if err != nil {
		b.Fatal(err)
	}
	defer s.l.Close()
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest("GET", "/healthz", nil)
		r.Host = fmt.Sprintf("127.0.0.1:%d", s.port())
		s.http.Handler.ServeHTTP(httptest.NewRecorder(), r)
	}
}
