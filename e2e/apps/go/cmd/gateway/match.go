package main

import (
	"cmp"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// match is one of an HTTPRoute, or one of a GRPCRoute: there the method is an object, and stands for a path.
type match struct {
	Path    *pathMatch  `json:"path"`
	Method  methodMatch `json:"method"`
	Headers []header    `json:"headers"`
}

type pathMatch struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

type methodMatch struct {
	HTTP    string
	Service string `json:"service"`
	Method  string `json:"method"`
}

func (m *methodMatch) UnmarshalJSON(text []byte) error {
	if len(text) > 0 && text[0] == '"' {
		return json.Unmarshal(text, &m.HTTP)
	}
	type grpc methodMatch
	return json.Unmarshal(text, (*grpc)(m))
}

func (m match) holds(request *http.Request) bool {
	return m.path().holds(request.URL.Path) &&
		(m.Method.HTTP == "" || m.Method.HTTP == request.Method) &&
		!slices.ContainsFunc(m.Headers, func(h header) bool { return !h.holds(request.Header) })
}

// path is what the match asks of the path of a request.
func (m match) path() pathMatch {
	switch {
	case m.Path != nil:
		return *m.Path
	case m.Method.Service != "" && m.Method.Method != "":
		return pathMatch{Type: "Exact", Value: "/" + m.Method.Service + "/" + m.Method.Method}
	case m.Method.Service != "":
		return pathMatch{Type: "PathPrefix", Value: "/" + m.Method.Service + "/"}
	}
	return pathMatch{Type: "PathPrefix", Value: "/"}
}

func (p pathMatch) holds(path string) bool {
	if p.Type == "Exact" {
		return path == p.Value
	}
	return strings.HasPrefix(path, p.Value)
}

func (h header) holds(headers http.Header) bool {
	// As the RFC has it for cookies of HTTP/2, and as gateways do it.
	value := strings.Join(headers.Values(h.Name), "; ")
	if h.Type != "RegularExpression" {
		return value == h.Value
	}
	pattern, err := regexp.Compile(h.Value)
	return err == nil && pattern.MatchString(value)
}

// before orders matches as Gateway API does: exact paths, longer ones, those with a method, those with more headers.
func (m match) before(other match) int {
	exact := func(p pathMatch) int {
		if p.Type == "Exact" {
			return 1
		}
		return 0
	}
	return cmp.Or(
		-cmp.Compare(exact(m.path()), exact(other.path())),
		-cmp.Compare(len(m.path().Value), len(other.path().Value)),
		-cmp.Compare(len(m.Method.HTTP), len(other.Method.HTTP)),
		-cmp.Compare(len(m.Headers), len(other.Headers)),
	)
}

// entry is one match with the rule that it leads to.
type entry struct {
	match match
	rule  rule
}

// ordered gives the matches of all rules, the first to look at first; the place in the route decides between equals.
func ordered(rules []rule) []entry {
	entries := []entry{}
	for _, rule := range rules {
		matches := rule.Matches
		if len(matches) == 0 {
			matches = []match{{}}
		}
		for _, match := range matches {
			entries = append(entries, entry{match: match, rule: rule})
		}
	}
	slices.SortStableFunc(entries, func(a, b entry) int { return a.match.before(b.match) })
	return entries
}
