package gate

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func newGate(t *testing.T, c Config) *Gate {
	t.Helper()
	g, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestNamesAreExact(t *testing.T) {
	g := newGate(t, Config{Port: 8420, Names: []string{"lab.test", "class.test:80", "[fe80::1]"}, Origins: []string{"https://blog.example"}})
	for host, ok := range map[string]bool{
		"127.0.0.1:8420": true, "localhost:8420": true, "[::1]:8420": true, "lab.test:8420": true,
		"class.test": true, "class.test:80": true, "[fe80::1]:8420": true,
		"127.0.0.1": false, "127.0.0.1:8421": false, "lab.test": false, "lab.test.": false, "LAB.test:8420": false,
		"evil.test:8420": false, "lab.test.evil.test:8420": false, "evillab.test:8420": false, "": false, "127.1:8420": false,
		"0.0.0.0:8420": false, "2130706433:8420": false, "class.test:8420": false,
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = host
		if err := g.Check(r, false); (err == nil) != ok {
			t.Errorf("host %q: %v", host, err)
		}
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.Host = "127.0.0.1:8420"
	r.Header["Origin"] = []string{"http://127.0.0.1:8420", "http://127.0.0.1:8420"}
	if g.Check(r, false) == nil {
		t.Error("two origins were taken")
	}
}

func TestBadNamesAndOriginsAreRefusedAtStart(t *testing.T) {
	for _, name := range []string{"", "http://lab.test", "lab.test/x", "*.test", "Lab.test", "a b", "lab.test:99999", "[nonsense]", "user@lab.test"} {
		if _, err := New(Config{Port: 1, Names: []string{name}}); err == nil {
			t.Errorf("name %q was taken", name)
		}
	}
	for _, o := range []string{"*", "null", "example.org", "https://example.org/", "https://example.org/x", "ftp://example.org", "https://u@example.org", "https://Example.org", "https://"} {
		if _, err := New(Config{Port: 1, Origins: []string{o}}); err == nil {
			t.Errorf("origin %q was taken", o)
		}
	}
}

func TestTokens(t *testing.T) {
	g := newGate(t, Config{Port: 1})
	if len(g.Token()) != 32 || !g.Knows(g.Token()) {
		t.Errorf("token %q", g.Token())
	}
	for _, bad := range []string{"", g.Token()[:31], g.Token() + "0", strings.ToUpper(g.Token()) + "x", strings.Repeat("0", 32)} {
		if g.Knows(bad) {
			t.Errorf("token %q was taken", bad)
		}
	}
	if NewToken() == NewToken() {
		t.Error("two tokens are equal")
	}
}

func TestOnlyMethodsOfTheRouteAndPlainTextRefusals(t *testing.T) {
	g := newGate(t, Config{Port: 80})
	h := g.Handler([]Route{{Pattern: "/a", Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}})
	for method, want := range map[string]int{"GET": 200, "HEAD": 200, "POST": 405, "OPTIONS": 405, "PUT": 405} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(method, "/a", nil)
		r.Host = "localhost"
		h.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%s: %d", method, w.Code)
		}
	}
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "/a", nil)
	r.Host = "<script>"
	h.ServeHTTP(w, r)
	if w.Code != 403 || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain") || w.Header().Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}
