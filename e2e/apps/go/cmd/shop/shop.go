package main

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"time"
)

// shop answers requests and counts them.
type shop struct {
	cfg      config
	started  time.Time
	requests atomic.Int64
	stopping atomic.Bool
	metrics  *metrics
}

func newShop(cfg config, started time.Time) *shop {
	return &shop{cfg: cfg, started: started, metrics: newMetrics(started)}
}

// fails tells whether the n-th request (from 1) fails. The failures are spread evenly: of any 20 answers in a row at 5 %,
// exactly one fails, so a test needs few requests and never flickers.
func fails(n, ppm int64) bool {
	return n*ppm/1_000_000 > (n-1)*ppm/1_000_000
}

func (s *shop) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", s.probe(func() bool { return true }))
	mux.HandleFunc("/readyz", s.probe(s.ready))
	mux.HandleFunc("/metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		s.metrics.write(w)
	})
	mux.HandleFunc("/shop.Shop/Sell", s.sellByGRPC)
	mux.HandleFunc("/", s.sell)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Over HTTP/2 the header makes the connection go away.
		if s.stopping.Load() {
			w.Header().Set("Connection", "close")
		}
		mux.ServeHTTP(w, r)
	})
}

func (s *shop) ready() bool {
	return !s.cfg.FailReady && !s.stopping.Load() && time.Since(s.started) >= s.cfg.ReadyDelay
}

func (s *shop) probe(ok func() bool) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if !ok() {
			http.Error(w, "not ready", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	}
}

// sell is the one real endpoint, over HTTP. It does not give up when the caller goes away: what was begun is finished and counted.
func (s *shop) sell(w http.ResponseWriter, _ *http.Request) {
	code := s.served(w, "text/plain; charset=utf-8")
	w.WriteHeader(code)
	if code == http.StatusOK {
		fmt.Fprintf(w, "shop %s\n", s.cfg.Version)
		return
	}
	fmt.Fprintf(w, "shop %s: out of order\n", s.cfg.Version)
}

// sellByGRPC is the same as a unary call with empty messages: one frame, and the status in the trailers.
func (s *shop) sellByGRPC(w http.ResponseWriter, _ *http.Request) {
	code := s.served(w, "application/grpc")
	w.Header().Set("Trailer", "Grpc-Status")
	status := grpcOK
	if code != http.StatusOK {
		status = grpcInternal
	}
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(make([]byte, grpcPrefix))
	w.Header().Set("Grpc-Status", status)
}

const (
	grpcPrefix   = 5 // one byte for compression, four for the length
	grpcOK       = "0"
	grpcInternal = "13"
)

// served does what selling is, says who did it, and gives its outcome as a status of HTTP.
func (s *shop) served(w http.ResponseWriter, contentType string) int {
	began := time.Now()
	code := http.StatusOK
	if fails(s.requests.Add(1), s.cfg.FailurePPM) {
		code = http.StatusInternalServerError
	}
	if s.cfg.Delay > 0 {
		time.Sleep(s.cfg.Delay)
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("X-Version", s.cfg.Version)
	w.Header().Set("X-Pod", s.cfg.Pod)
	s.metrics.observe(code, time.Since(began))
	return code
}
