package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

const chosen = `{"items":[{"spec":{"rules":[
	{"matches":[{"path":{"type":"PathPrefix","value":"/"}}],"backendRefs":[{"name":"a"}]},
	{"matches":[{"path":{"type":"PathPrefix","value":"/"},"headers":[
		{"name":"Cookie","type":"RegularExpression","value":"^(.*; *)?t=(1|2)(;.*)?$"}]}],
	 "backendRefs":[{"name":"b","filters":[{"responseHeaderModifier":{"add":[{"name":"Set-Cookie","value":"t=1"}]}}]}]},
	{"matches":[{"path":{"type":"Exact","value":"/only"}}],"backendRefs":[{"name":"c"}]}]}}]}`

func TestTheMoreAMatchAsksForTheSoonerItIsTaken(t *testing.T) {
	for want, request := range map[string]*http.Request{
		"a": asking("/", ""), "b": asking("/", "x=1; t=2"), "c": asking("/only", "t=2"),
	} {
		entries := ordered(routesOf(t, chosen)[0].Spec.Rules)
		for _, entry := range entries {
			if entry.match.holds(request) {
				if got := entry.rule.pick(drawing(0)).Name; got != want {
					t.Errorf("it goes to %q, not %q", got, want)
				}
				break
			}
		}
	}
}

func asking(path, cookie string) *http.Request {
	request := httptest.NewRequest(http.MethodGet, path, nil)
	request.Header.Set("Cookie", cookie)
	return request
}

func TestAMethodOfGRPCIsAPath(t *testing.T) {
	list := `{"items":[{"spec":{"rules":[
		{"matches":[{"method":{"service":"shop.Shop"}}],"backendRefs":[{"name":"a"}]},
		{"matches":[{"method":{"service":"shop.Shop","method":"Sell"}}],"backendRefs":[{"name":"b"}]}]}}]}`
	entries := ordered(routesOf(t, list)[0].Spec.Rules)
	if first := entries[0]; first.rule.BackendRefs[0].Name != "b" || !first.match.holds(asking("/shop.Shop/Sell", "")) {
		t.Errorf("a method comes before its service: %+v", first)
	}
	if !entries[1].match.holds(asking("/shop.Shop/Other", "")) || entries[1].match.holds(asking("/other.Shop/Sell", "")) {
		t.Error("a service matches its methods and no others")
	}
}

func TestABackendChangesTheHeadersOfItsAnswers(t *testing.T) {
	start := time.Now()
	table := newTable(0, 0)
	table.sawRoutes(start, routesOf(t, chosen))
	table.sawSlices(start, slicesOf(t, ab))
	headers := http.Header{"Set-Cookie": {"own=1"}}
	for _, filter := range table.choose(asking("/", "t=1"), start, drawing(0)).filters {
		filter.apply(headers)
	}
	if got := headers.Values("Set-Cookie"); len(got) != 2 || got[1] != "t=1" {
		t.Errorf("the answer has %v", got)
	}
}
