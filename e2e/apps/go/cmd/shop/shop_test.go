package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

func env(pairs ...string) func(string) string {
	values := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		values[pairs[i]] = pairs[i+1]
	}
	return func(name string) string { return values[name] }
}

func configOf(t *testing.T, pairs ...string) config {
	t.Helper()
	cfg, err := readConfig(env(pairs...))
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func get(t *testing.T, handler http.Handler, path string) *httptest.ResponseRecorder {
	t.Helper()
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, path, nil))
	return recorder
}

func TestFailuresAreSpreadEvenly(t *testing.T) {
	for _, c := range []struct {
		rate   string
		window int64
		each   int64
	}{{"0", 50, 0}, {"0.05", 20, 1}, {"0.29", 100, 29}, {"0.5", 2, 1}, {"0.07", 100, 7}, {"1", 3, 3}} {
		ppm := configOf(t, "FAILURE_RATE", c.rate).FailurePPM
		for start := int64(1); start < 300; start++ {
			var failed int64
			for n := start; n < start+c.window; n++ {
				if fails(n, ppm) {
					failed++
				}
			}
			if failed != c.each {
				t.Fatalf("rate %s: %d of the %d requests from %d failed, want %d", c.rate, failed, c.window, start, c.each)
			}
		}
	}
	if !fails(20, 50_000) || !fails(40, 50_000) || fails(19, 50_000) {
		t.Error("5 % is every 20th request")
	}
}

func TestConfigRefusesWhatItDoesNotUnderstand(t *testing.T) {
	for _, c := range [][2]string{{"FAILURE_RATE", "5%"}, {"FAILURE_RATE", "1.1"}, {"FAILURE_RATE", "NaN"}, {"DELAY", "250"}, {"GRACE", "-1s"}, {"FAIL_READY", "maybe"}} {
		if _, err := readConfig(env(c[0], c[1])); err == nil || !strings.Contains(err.Error(), c[0]) {
			t.Errorf("%s=%s: want an error that names it, got %v", c[0], c[1], err)
		}
	}
}

func TestMetricsCountOnlyRealRequests(t *testing.T) {
	handler := newShop(configOf(t, "VERSION", "v2", "FAILURE_RATE", "0.25"), time.Now()).handler()
	for range 8 {
		get(t, handler, "/")
	}
	for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
		get(t, handler, path)
	}
	body := get(t, handler, "/metrics").Body.String()
	for _, want := range []string{
		"http_requests_total{code=\"200\"} 6\n", "http_requests_total{code=\"500\"} 2\n",
		"http_request_duration_seconds_bucket{le=\"+Inf\"} 8\n", "http_request_duration_seconds_bucket{le=\"0.25\"} 8\n",
		"http_request_duration_seconds_count 8\n", "process_start_time_seconds ",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("want %q in:\n%s", want, body)
		}
	}
	if version := get(t, handler, "/").Header().Get("X-Version"); version != "v2" {
		t.Errorf("X-Version is %q", version)
	}
}

func TestReadiness(t *testing.T) {
	now := time.Now()
	for _, c := range []struct {
		name    string
		cfg     config
		started time.Time
		want    int
	}{
		{"at once", configOf(t), now, 200},
		{"before the delay", configOf(t, "READY_DELAY", "1m"), now, 503},
		{"after the delay", configOf(t, "READY_DELAY", "1m"), now.Add(-2 * time.Minute), 200},
		{"never", configOf(t, "FAIL_READY", "true"), now.Add(-time.Hour), 503},
	} {
		if got := get(t, newShop(c.cfg, c.started).handler(), "/readyz").Code; got != c.want {
			t.Errorf("%s: got %d, want %d", c.name, got, c.want)
		}
	}
}

// The stop comes while requests are in flight and others still arrive: every one of them gets its answer.
func TestGracefulStopLosesNoRequest(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	term, ended := make(chan os.Signal, 1), make(chan error, 1)
	go func() { ended <- run(configOf(t, "DELAY", "200ms", "GRACE", "1s"), listener, term) }()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answers := make(chan error, 20)
	send := func() {
		response, err := client.Get(fmt.Sprintf("http://%s/", listener.Addr()))
		if err == nil {
			_, err = io.Copy(io.Discard, response.Body)
			response.Body.Close()
		}
		answers <- err
	}
	for range 10 {
		go send()
	}
	time.Sleep(50 * time.Millisecond) // the first ten are in flight now
	term <- syscall.SIGTERM
	for range 10 {
		time.Sleep(20 * time.Millisecond)
		go send()
	}
	for range 20 {
		if err := <-answers; err != nil {
			t.Errorf("a request was lost: %v", err)
		}
	}
	if err := <-ended; err != nil {
		t.Errorf("the stop was not clean: %v", err)
	}
	if _, err := client.Get(fmt.Sprintf("http://%s/", listener.Addr())); err == nil {
		t.Error("it still answers after the stop")
	}
}
