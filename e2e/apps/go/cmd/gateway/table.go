package main

import (
	"net"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"time"
)

// version of what was seen, with the time from which it takes effect.
type version[T any] struct {
	from  time.Time
	value T
}

// history takes effect late, each version as it was seen.
type history[T any] struct {
	delay    time.Duration
	versions []version[T]
}

func (h *history[T]) saw(now time.Time, value T) {
	if n := len(h.versions); n > 0 && reflect.DeepEqual(h.versions[n-1].value, value) {
		return
	}
	from := now.Add(h.delay)
	if len(h.versions) == 0 {
		from = now // what is there at the start is known
	}
	h.versions = append(h.versions, version[T]{from: from, value: value})
}

func (h *history[T]) at(now time.Time) T {
	var zero T
	for i := len(h.versions) - 1; i >= 0; i-- {
		if !h.versions[i].from.After(now) {
			h.versions = h.versions[i:]
			return h.versions[0].value
		}
	}
	return zero
}

// table is what the gateway goes by.
type table struct {
	mutex     sync.Mutex
	entries   history[[]entry]
	addresses history[map[string][]string]
}

func newTable(routesDelay, endpointsDelay time.Duration) *table {
	t := &table{}
	t.entries.delay = routesDelay
	t.addresses.delay = endpointsDelay
	return t
}

func (t *table) sawRoutes(now time.Time, routes []route) {
	rules := []rule{}
	for _, route := range routes {
		rules = append(rules, route.Spec.Rules...)
	}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.entries.saw(now, ordered(rules))
}

func (t *table) sawSlices(now time.Time, all []slice) {
	addresses := map[string][]string{}
	for _, slice := range all {
		service := slice.Metadata.Labels["kubernetes.io/service-name"]
		for _, endpoint := range slice.Endpoints {
			if endpoint.Conditions.Ready != nil && !*endpoint.Conditions.Ready || len(slice.Ports) == 0 {
				continue
			}
			for _, address := range endpoint.Addresses {
				addresses[service] = append(addresses[service], net.JoinHostPort(address, strconv.Itoa(slice.Ports[0].Port)))
			}
		}
	}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.addresses.saw(now, addresses)
}

// choice is where a request goes, and what is done to its answer. No address: none is known.
type choice struct {
	address string
	filters []filter
}

// choose decides about a request; draw(n) gives a number from 0 to n-1.
func (t *table) choose(request *http.Request, now time.Time, draw func(n int) int) choice {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	for _, entry := range t.entries.at(now) {
		if !entry.match.holds(request) {
			continue
		}
		backend := entry.rule.pick(draw)
		known := t.addresses.at(now)[backend.Name]
		if len(known) == 0 {
			return choice{}
		}
		filters := slices.Concat(entry.rule.Filters, backend.Filters)
		return choice{address: known[draw(len(known))], filters: filters}
	}
	return choice{}
}

func (r rule) pick(draw func(n int) int) backend {
	sum := 0
	for _, backend := range r.BackendRefs {
		sum += backend.weight()
	}
	if sum == 0 {
		return backend{}
	}
	left := draw(sum)
	for _, backend := range r.BackendRefs {
		if left -= backend.weight(); left < 0 {
			return backend
		}
	}
	return backend{}
}
