package cli

import (
	"context"
	"encoding/json"
	"math"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"patchbay/shared/lab"
	"patchbay/shared/wire"
	"patchbay/shared/wire/zstd"
)

// serving starts `patchbay serve` and gives the address that it prints.
func startServer(t *testing.T, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var out, errOut buffer
	done := make(chan int)
	go func() {
		done <- Main(ctx, append([]string{"serve", "--addr", "127.0.0.1:0"}, args...), Streams{nil, &out, &errOut, false})
	}()
	t.Cleanup(func() {
		cancel()
		select {
		case code := <-done:
			if code != ExitOK {
				t.Errorf("serve ended with %d: %s", code, errOut.String())
			}
		case <-time.After(5 * time.Second):
			t.Error("serve does not end")
		}
		if url, _, _ := strings.Cut(out.String(), "\n"); strings.Contains(errOut.String(), url[strings.Index(url, "=")+1:]) {
			t.Error("the token is in the log")
		}
	})
	for range 1000 {
		if url, _, ok := strings.Cut(out.String(), "\n"); ok {
			return url
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("no address: %s", errOut.String())
	return ""
}

// The same experiment gives the same numbers from the command line and over the wire.
func TestSidecarAgreesWithTheCommandLine(t *testing.T) {
	needModel(t)
	address := startServer(t)
	base, token, _ := strings.Cut(address, "/#token=")
	c, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(base, "http")+"/ws", http.Header{"Origin": {base}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	send := func(kind wire.Kind, id uint64, body any) {
		m, _ := wire.New(kind, id, body)
		frames, _ := wire.Encode(m)
		c.WriteMessage(websocket.BinaryMessage, frames[0])
	}
	send(wire.KindHello, 0, wire.Hello{Token: token, Codecs: []string{"zstd"}})
	p, _ := json.Marshal(wire.RunParams{Model: smollm, Experiment: "lens", Params: json.RawMessage(`{"prompt":"The capital of Poland is"}`)})
	send(wire.KindRequest, 1, wire.Request{Method: wire.MethodRun, Params: p})
	a := wire.Assembler{Codec: zstd.New()}
	var remote lab.Outcome
	for remote.Result == nil {
		c.SetReadDeadline(time.Now().Add(time.Minute))
		_, frame, err := c.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		m, err := a.Add(frame)
		if err != nil {
			t.Fatal(err)
		}
		if m != nil && m.Kind.Final() {
			if err := m.Decode(&remote); err != nil || m.Kind != wire.KindResult {
				t.Fatalf("%s %v", m.Body, err)
			}
		}
	}
	_, out, _ := patchbay(t, "", "run", "lens", "--model", smollm, "--json")
	var local lab.Outcome
	if err := json.Unmarshal([]byte(out), &local); err != nil {
		t.Fatal(err)
	}
	if string(local.Params) != string(remote.Params) || local.Parity != remote.Parity {
		t.Errorf("params %s and %s, parity %+v and %+v", local.Params, remote.Params, local.Parity, remote.Parity)
	}
	same(t, local.Result, remote.Result)
}

func same(t *testing.T, a, b json.RawMessage) {
	t.Helper()
	var x, y lab.LensResult
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil || len(x.Layers) != len(y.Layers) {
		t.Fatal("the results differ in kind")
	}
	worst := 0.0
	for l := range x.Layers {
		for i := range x.Layers[l] {
			p, q := x.Layers[l][i].Top[0].P, y.Layers[l][i].Top[0].P
			worst = max(worst, math.Abs(math.Log(float64(p))-math.Log(float64(q))))
		}
	}
	if worst > 1e-3 {
		t.Errorf("log-probabilities differ by %g", worst)
	}
}

// TestPythonClient runs the client of docs/wire.md against a real sidecar.
func TestPythonClient(t *testing.T) {
	needModel(t)
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("there is no python3")
	}
	if err := exec.Command(python, "-c", "import websockets, zstandard").Run(); err != nil {
		t.Skip("python3 lacks the packages websockets and zstandard: pip install websockets zstandard")
	}
	address := startServer(t)
	cmd := exec.Command(python, filepath.Join("..", "..", "docs", "python", "patchbay_client.py"), address, "--json")
	var errOut strings.Builder
	cmd.Stderr = &errOut
	raw, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, errOut.String())
	}
	var remote, local lab.Outcome
	if err := json.Unmarshal(raw, &remote); err != nil {
		t.Fatal(err)
	}
	_, out, _ := patchbay(t, "", "run", "lens", "--model", smollm, "--json")
	if err := json.Unmarshal([]byte(out), &local); err != nil {
		t.Fatal(err)
	}
	same(t, local.Result, remote.Result)
	if !strings.Contains(errOut.String(), "array r/resid: (5, 576)") && !strings.Contains(errOut.String(), "array r/resid: [5, 576]") {
		t.Errorf("the plan's array did not arrive: %s", errOut.String())
	}
	wrong := exec.Command(python, filepath.Join("..", "..", "docs", "python", "patchbay_client.py"), address+"0")
	if text, err := wrong.CombinedOutput(); err == nil || !strings.Contains(string(text), "token is wrong") {
		t.Errorf("a wrong token: %v %s", err, text)
	}
}
