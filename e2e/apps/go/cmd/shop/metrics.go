package main

import (
	"fmt"
	"io"
	"sort"
	"strconv"
	"sync"
	"time"
)

// bounds are the usual Prometheus buckets, in seconds.
var bounds = []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}

// metrics holds what /metrics shows of the real requests; probes and scrapes are not counted, as they say nothing of users.
type metrics struct {
	mu      sync.Mutex
	started time.Time
	byCode  map[int]int64
	buckets []int64
	sum     float64
	count   int64
}

// newMetrics starts the usual codes at 0: a counter that appears at 1 has no rate for its first failure.
func newMetrics(started time.Time) *metrics {
	return &metrics{started: started, byCode: map[int]int64{200: 0, 500: 0}, buckets: make([]int64, len(bounds))}
}

func (m *metrics) observe(code int, took time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.byCode[code]++
	m.count++
	m.sum += took.Seconds()
	for i, bound := range bounds {
		if took.Seconds() <= bound {
			m.buckets[i]++
		}
	}
}

// write prints the Prometheus text format; buckets are cumulative already.
func (m *metrics) write(w io.Writer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	fmt.Fprint(w, "# HELP http_requests_total Requests answered, by status code.\n# TYPE http_requests_total counter\n")
	codes := make([]int, 0, len(m.byCode))
	for code := range m.byCode {
		codes = append(codes, code)
	}
	sort.Ints(codes)
	for _, code := range codes {
		fmt.Fprintf(w, "http_requests_total{code=\"%d\"} %d\n", code, m.byCode[code])
	}
	fmt.Fprint(w, "# HELP http_request_duration_seconds Time to answer.\n# TYPE http_request_duration_seconds histogram\n")
	for i, bound := range bounds {
		le := strconv.FormatFloat(bound, 'g', -1, 64)
		fmt.Fprintf(w, "http_request_duration_seconds_bucket{le=\"%s\"} %d\n", le, m.buckets[i])
	}
	fmt.Fprintf(w, "http_request_duration_seconds_bucket{le=\"+Inf\"} %d\n", m.count)
	fmt.Fprintf(w, "http_request_duration_seconds_sum %g\nhttp_request_duration_seconds_count %d\n", m.sum, m.count)
	fmt.Fprint(w, "# HELP process_start_time_seconds Start time of the process since the Unix epoch.\n")
	fmt.Fprintf(w, "# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds %.3f\n", float64(m.started.UnixMilli())/1000)
}
