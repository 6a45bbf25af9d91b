package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

func routesOf(t *testing.T, text string) []route {
	t.Helper()
	var list struct{ Items []route }
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		t.Fatal(err)
	}
	return list.Items
}

func slicesOf(t *testing.T, text string) []slice {
	t.Helper()
	var list struct{ Items []slice }
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		t.Fatal(err)
	}
	return list.Items
}

const (
	toA = `{"items":[{"spec":{"rules":[{"backendRefs":[{"name":"a","weight":3},{"name":"b","weight":1}]}]}}]}`
	toB = `{"items":[{"spec":{"rules":[{"backendRefs":[{"name":"b"}]}]}}]}`
	ab  = `{"items":[
		{"metadata":{"labels":{"kubernetes.io/service-name":"a"}},"ports":[{"port":80}],"endpoints":[{"addresses":["10.0.0.1"]}]},
		{"metadata":{"labels":{"kubernetes.io/service-name":"b"}},"ports":[{"port":80}],
		 "endpoints":[{"addresses":["10.0.0.2"]},{"addresses":["10.0.0.3"],"conditions":{"ready":false}}]}]}`
	onlyA = `{"items":[{"metadata":{"labels":{"kubernetes.io/service-name":"a"}},"ports":[{"port":80}],"endpoints":[{"addresses":["10.0.0.1"]}]}]}`
)

func drawing(number int) func(int) int { return func(n int) int { return min(number, n-1) } }

func TestWeightsChooseTheBackend(t *testing.T) {
	start := time.Now()
	table := newTable(0, 0)
	table.sawRoutes(start, routesOf(t, toA))
	table.sawSlices(start, slicesOf(t, ab))
	request := httptest.NewRequest(http.MethodGet, "/", nil)
	for draw, want := range map[int]string{0: "10.0.0.1:80", 2: "10.0.0.1:80", 3: "10.0.0.2:80"} {
		if got := table.choose(request, start, drawing(draw)).address; got != want {
			t.Errorf("draw %d goes to %q, not %q", draw, got, want)
		}
	}
}

func TestRoutesAndEndpointsAreLateByThemselves(t *testing.T) {
	start := time.Now()
	request := httptest.NewRequest(http.MethodGet, "/", nil)
	for after, want := range map[time.Duration]string{0: "10.0.0.1:80", 2 * time.Second: "", 21 * time.Second: "10.0.0.2:80"} {
		table := newTable(time.Second, 20*time.Second)
		table.sawRoutes(start, routesOf(t, toA))
		table.sawSlices(start, slicesOf(t, onlyA))
		table.sawRoutes(start, routesOf(t, toB))
		table.sawSlices(start, slicesOf(t, ab))
		if got := table.choose(request, start.Add(after), drawing(0)).address; got != want {
			t.Errorf("after %v it goes to %q, not %q", after, got, want)
		}
	}
}

func TestARouteIsReportedOnOnceForEachGeneration(t *testing.T) {
	list := map[string]service{"b": {}}
	route := routesOf(t, `{"items":[{"metadata":{"name":"web","generation":2},
		"spec":{"parentRefs":[{"name":"gate"}],"rules":[{"backendRefs":[{"name":"b"}]}]},
		"status":{"parents":[{"conditions":[{"type":"ResolvedRefs","status":"True","observedGeneration":1}]}]}}]}`)[0]
	if reportOn(route, list) == nil {
		t.Error("the second generation is not reported on")
	}
	route.Status.Parents[0].Conditions[0].ObservedGeneration = 2
	if reportOn(route, list) != nil {
		t.Error("a generation is reported on twice")
	}
	if reportOn(route, nil) == nil {
		t.Error("a backend that is gone is not reported")
	}
}
