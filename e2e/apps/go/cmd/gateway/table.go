package main

import (
	"net"
	"net/http"
	"reflect"
	"strconv"
	"strings"
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
	rules     history[[]rule]
	addresses history[map[string][]string]
}

func newTable(routesDelay, endpointsDelay time.Duration) *table {
	t := &table{}
	t.rules.delay = routesDelay
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
	t.rules.saw(now, rules)
}

func (t *table) sawSlices(now time.Time, slices []slice) {
	addresses := map[string][]string{}
	for _, slice := range slices {
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

// choose gives the address that a request goes to; draw(n) gives a number from 0 to n-1. Empty: none is known.
func (t *table) choose(request *http.Request, now time.Time, draw func(n int) int) string {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	for _, rule := range t.rules.at(now) {
		if !rule.matches(request) {
			continue
		}
		known := t.addresses.at(now)[rule.pick(draw)]
		if len(known) == 0 {
			return ""
		}
		return known[draw(len(known))]
	}
	return ""
}

func (r rule) pick(draw func(n int) int) string {
	sum := 0
	for _, backend := range r.BackendRefs {
		sum += backend.weight()
	}
	if sum == 0 {
		return ""
	}
	left := draw(sum)
	for _, backend := range r.BackendRefs {
		if left -= backend.weight(); left < 0 {
			return backend.Name
		}
	}
	return ""
}

func (r rule) matches(request *http.Request) bool {
	for _, match := range r.Matches {
		if match.holds(request) {
			return true
		}
	}
	return len(r.Matches) == 0
}

func (m match) holds(request *http.Request) bool {
	if m.Path != nil && m.Path.Type == "Exact" && request.URL.Path != m.Path.Value {
		return false
	}
	if m.Path != nil && m.Path.Type == "PathPrefix" && !strings.HasPrefix(request.URL.Path, m.Path.Value) {
		return false
	}
	for _, header := range m.Headers {
		if request.Header.Get(header.Name) != header.Value {
			return false
		}
	}
	return true
}
