package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func noEnv(string) string { return "" }

func TestTargets(t *testing.T) {
	for target, allowed := range map[string]bool{
		"http://127.0.0.1:8080/":                true,
		"http://[::1]:8080/":                    true,
		"http://10.96.0.7/":                     true,
		"http://[fd00::7]/":                     true,
		"http://100.64.3.2/":                    true,
		"http://198.18.1.2:30080/":              true,
		"http://198.20.0.1/":                    false,
		"http://localhost:8080/":                true,
		"http://web":                            true,
		"http://web.shop.svc:80/":               true,
		"http://web.shop.svc.cluster.local/":    true,
		"http://example.com/":                   false,
		"http://web.shop/":                      false,
		"http://web.shop.svc.example.com/":      false,
		"http://svc.cluster.local.example.org/": false,
		"http://1.1.1.1/":                       false,
		"http://169.254.169.254/":               false,
		"http://0.0.0.0/":                       false,
		"http://[::ffff:8.8.8.8]/":              false,
		"http://2130706433/":                    true, // a label of digits; the dial decides
		"http://web@example.com/":               false,
		"file:///etc/passwd":                    false,
		"web:8080":                              false,
		"":                                      false,
	} {
		_, err := readConfig([]string{"-target", target}, noEnv, io.Discard)
		if (err == nil) != allowed {
			t.Errorf("%q: allowed should be %v, got %v", target, allowed, err)
		}
	}
	_, err := checkTarget("http://example.com/")
	if err == nil || !strings.Contains(err.Error(), "load goes only to loopback") {
		t.Errorf("the refusal must say what is allowed, got %v", err)
	}
}

func TestDialChecksWhatANameBecame(t *testing.T) {
	if guardDial("tcp", "93.184.216.34:80", nil) == nil || guardDial("tcp", "169.254.169.254:80", nil) == nil {
		t.Error("a public or link-local address must not be dialled")
	}
	if err := guardDial("tcp", "10.244.0.9:8080", nil); err != nil {
		t.Error(err)
	}
}

func TestBoundsAreAlwaysThere(t *testing.T) {
	for _, args := range [][]string{{"-rate", "0"}, {"-rate", "1001"}, {"-rate", "NaN"}, {"-max-duration", "31m"}, {"-max-duration", "0s"}, {"-max-count", "500001"}, {"-max-count", "0"}} {
		if _, err := readConfig(append(args, "-target", "http://web/"), noEnv, io.Discard); err == nil {
			t.Errorf("%v must be refused", args)
		}
	}
	cfg, err := readConfig([]string{"-target", "http://web/"}, noEnv, io.Discard)
	if err != nil || cfg.MaxDuration != 30*time.Minute || cfg.MaxCount != 500_000 || cfg.KeepAlive {
		t.Errorf("defaults: %+v, %v", cfg, err)
	}
}

func TestCounting(t *testing.T) {
	now, r := time.Now(), newRecorder()
	for i := range 30 {
		r.answer(r.sent(), "v1", []int{200, 200, 500}[i%3], now)
	}
	r.answer(r.sent(), "", 503, now.Add(3*time.Second))
	r.lost(r.sent(), "reset", errors.New("cut"), now.Add(3*time.Second))
	old := r.sent()
	got := r.snapshot(now.Add(3 * time.Second))
	if got.Sent != 33 || got.Answered != 31 || got.Failed != 12 || got.ByVersion["v1"]["500"] != 10 || got.ByVersion["v1"]["200"] != 20 {
		t.Errorf("totals: %+v", got)
	}
	if got.ByVersion["none"]["503"] != 1 || got.Errors["reset"] != 1 || got.Errors["refused"] != 0 || len(got.Failures) != 12 {
		t.Errorf("kinds: %+v", got)
	}
	if len(got.Recent) != 1 || got.Recent["none"] != 1 {
		t.Errorf("recent must hold the last two seconds only: %v", got.Recent)
	}
	r.reset()
	r.answer(old, "v1", 200, now)
	if after := r.snapshot(now); after.Sent != 0 || after.Answered != 0 || after.Failures == nil {
		t.Errorf("what was sent before a reset must not count after it: %+v", after)
	}
}

func TestOnlyTheLastFailuresAreKept(t *testing.T) {
	now, r := time.Now(), newRecorder()
	for range 50 {
		r.answer(r.sent(), "v1", 500, now)
	}
	if got := r.snapshot(now); len(got.Failures) != 20 || got.Failed != 50 {
		t.Errorf("%d kept of %d", len(got.Failures), got.Failed)
	}
}

// sendTo runs the whole program against a target until the count is met, and gives what it printed last.
func sendTo(t *testing.T, target string, args ...string) stats {
	t.Helper()
	cfg, err := readConfig(append([]string{"-target", target, "-rate", "1000"}, args...), noEnv, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	var out bytes.Buffer
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, cfg, listener, &out) }()
	base := "http://" + listener.Addr().String()
	for ctx.Err() == nil {
		var now stats
		if response, err := http.Get(base + "/stats"); err == nil {
			_ = json.NewDecoder(response.Body).Decode(&now)
			response.Body.Close()
		}
		var lost int64
		for _, n := range now.Errors {
			lost += n
		}
		if now.Sent == cfg.MaxCount && now.Answered+lost == now.Sent {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	var final stats
	if err := json.Unmarshal(out.Bytes(), &final); err != nil {
		t.Fatalf("the last line is not JSON: %v: %s", err, out.String())
	}
	return final
}

func TestEveryAnswerIsCounted(t *testing.T) {
	var n, connections atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch i := n.Add(1); {
		case i%10 == 0: // cut before an answer
			connection, _, _ := w.(http.Hijacker).Hijack()
			connection.Close()
		case i%2 == 0:
			w.Header().Set("X-Version", "v2")
			w.WriteHeader(http.StatusInternalServerError)
		default:
			w.Header().Set("X-Version", "v1")
		}
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	got := sendTo(t, server.URL, "-max-count", "100")
	if got.Sent != 100 || got.Answered != 90 || got.Failed != 50 || got.Errors["reset"] != 10 {
		t.Errorf("totals: %+v", got)
	}
	if got.ByVersion["v1"]["200"] != 50 || got.ByVersion["v2"]["500"] != 40 || connections.Load() != 100 {
		t.Errorf("by version: %+v, %d connections", got.ByVersion, connections.Load())
	}
}

func TestKeepAliveUsesFewConnections(t *testing.T) {
	var connections atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	got := sendTo(t, server.URL, "-max-count", "100", "-keepalive")
	if got.Answered != 100 || connections.Load() > 50 {
		t.Errorf("%d answers over %d connections", got.Answered, connections.Load())
	}
}

func TestARefusedConnectionIsCountedAsSuch(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	target := "http://" + listener.Addr().String()
	listener.Close()
	got := sendTo(t, target, "-max-count", "5")
	if got.Errors["refused"] != 5 || got.Failed != 5 || len(got.Failures) != 5 || got.Answered != 0 {
		t.Errorf("%+v", got)
	}
}

func TestProbe(t *testing.T) {
	for status, fails := range map[int]bool{http.StatusOK: false, http.StatusInternalServerError: true} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Version", "v2")
			w.WriteHeader(status)
		}))
		defer server.Close()
		cfg, err := readConfig([]string{"-target", server.URL, "-probe", "3"}, noEnv, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		note := t.TempDir() + "/note"
		if err := probe(cfg, note); (err != nil) != fails {
			t.Errorf("HTTP %d: %v", status, err)
		}
		text, err := os.ReadFile(note)
		if err != nil || !strings.Contains(string(text), `"sent":3`) || !strings.Contains(string(text), "v2") {
			t.Errorf("HTTP %d: the note says %q, %v", status, text, err)
		}
	}
}
