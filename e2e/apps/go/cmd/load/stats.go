package main

import (
	"strconv"
	"sync"
	"time"
)

const (
	recentWindow = 2 * time.Second
	keptFailures = 20
	noVersion    = "none" // an answer without X-Version: a gateway's own, for example
)

// errorClasses are the ways a request can end without an answer.
var errorClasses = []string{"refused", "reset", "timeout", "other"}

type failure struct {
	Time    string `json:"time"`
	Version string `json:"version"`
	What    string `json:"what"`
}

// stats is the JSON of GET /stats. sent - answered - the sum of errors is what is in flight.
type stats struct {
	Sent      int64                       `json:"sent"`
	Answered  int64                       `json:"answered"`
	Failed    int64                       `json:"failed"`
	ByVersion map[string]map[string]int64 `json:"byVersion"`
	Errors    map[string]int64            `json:"errors"`
	Recent    map[string]int64            `json:"recent"`
	Failures  []failure                   `json:"failures"`
}

type seen struct {
	at      time.Time
	version string
}

// recorder counts outcomes. A reset begins a new epoch: what was sent before it is not counted after it.
type recorder struct {
	mu     sync.Mutex
	epoch  int64
	totals stats
	recent []seen
}

func newRecorder() *recorder {
	r := &recorder{}
	r.reset()
	return r
}

func (r *recorder) reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.epoch++
	r.recent = nil
	r.totals = stats{ByVersion: map[string]map[string]int64{}, Errors: map[string]int64{}, Failures: []failure{}}
	for _, class := range errorClasses {
		r.totals.Errors[class] = 0
	}
}

// sent counts a request before it leaves and gives the epoch that its outcome belongs to.
func (r *recorder) sent() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.totals.Sent++
	return r.epoch
}

// answer counts a complete answer; everything but a 2xx is a failure.
func (r *recorder) answer(epoch int64, version string, code int, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if epoch != r.epoch {
		return
	}
	if version == "" {
		version = noVersion
	}
	if r.totals.ByVersion[version] == nil {
		r.totals.ByVersion[version] = map[string]int64{}
	}
	r.totals.Answered++
	r.totals.ByVersion[version][strconv.Itoa(code)]++
	r.prune(now)
	r.recent = append(r.recent, seen{now, version})
	if code < 200 || code > 299 {
		r.fail(version, strconv.Itoa(code), now)
	}
}

// lost counts a request that got no complete answer.
func (r *recorder) lost(epoch int64, class string, err error, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if epoch != r.epoch {
		return
	}
	r.totals.Errors[class]++
	r.fail("", class+": "+err.Error(), now)
}

func (r *recorder) fail(version, what string, now time.Time) {
	r.totals.Failed++
	r.totals.Failures = append(r.totals.Failures, failure{now.UTC().Format(time.RFC3339Nano), version, what})
	if extra := len(r.totals.Failures) - keptFailures; extra > 0 {
		r.totals.Failures = append([]failure{}, r.totals.Failures[extra:]...)
	}
}

func (r *recorder) prune(now time.Time) {
	old := 0
	for old < len(r.recent) && now.Sub(r.recent[old].at) > recentWindow {
		old++
	}
	r.recent = r.recent[old:]
}

// snapshot is a copy that the caller may keep.
func (r *recorder) snapshot(now time.Time) stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.prune(now)
	copied := r.totals
	copied.Recent = map[string]int64{}
	for _, one := range r.recent {
		copied.Recent[one.version]++
	}
	copied.ByVersion = map[string]map[string]int64{}
	for version, codes := range r.totals.ByVersion {
		copied.ByVersion[version] = copyOf(codes)
	}
	copied.Errors = copyOf(r.totals.Errors)
	copied.Failures = append([]failure{}, r.totals.Failures...)
	return copied
}

func copyOf(counts map[string]int64) map[string]int64 {
	copied := make(map[string]int64, len(counts))
	for key, n := range counts {
		copied[key] = n
	}
	return copied
}
