package main

import "encoding/json"

type metadata struct {
	Name       string            `json:"name"`
	Generation int64             `json:"generation"`
	Labels     map[string]string `json:"labels"`
}

type route struct {
	Metadata metadata `json:"metadata"`
	Spec     struct {
		ParentRefs []json.RawMessage `json:"parentRefs"`
		Rules      []rule            `json:"rules"`
	} `json:"spec"`
	Status struct {
		Parents []parentStatus `json:"parents"`
	} `json:"status"`
}

type rule struct {
	Matches     []match   `json:"matches"`
	Filters     []filter  `json:"filters"`
	BackendRefs []backend `json:"backendRefs"`
}

// filter is one that changes the headers of answers; others do nothing here.
type filter struct {
	ResponseHeaderModifier *struct {
		Set []header `json:"set"`
		Add []header `json:"add"`
	} `json:"responseHeaderModifier"`
}

type header struct {
	Type  string `json:"type"`
	Name  string `json:"name"`
	Value string `json:"value"`
}

type backend struct {
	Name    string   `json:"name"`
	Weight  *int     `json:"weight"`
	Filters []filter `json:"filters"`
}

func (b backend) weight() int {
	if b.Weight == nil {
		return 1
	}
	return *b.Weight
}

type parentStatus struct {
	ParentRef      json.RawMessage `json:"parentRef"`
	ControllerName string          `json:"controllerName"`
	Conditions     []condition     `json:"conditions"`
}

type condition struct {
	Type               string `json:"type"`
	Status             string `json:"status"`
	Reason             string `json:"reason"`
	Message            string `json:"message"`
	ObservedGeneration int64  `json:"observedGeneration"`
	LastTransitionTime string `json:"lastTransitionTime"`
}

type slice struct {
	Metadata metadata `json:"metadata"`
	Ports    []struct {
		Port int `json:"port"`
	} `json:"ports"`
	Endpoints []struct {
		Addresses  []string `json:"addresses"`
		Conditions struct {
			Ready *bool `json:"ready"`
		} `json:"conditions"`
	} `json:"endpoints"`
}

type service struct {
	Metadata metadata `json:"metadata"`
}
