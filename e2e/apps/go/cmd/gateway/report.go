package main

import "time"

const controller = "fairlead.dev/e2e-gateway"

// reportOn gives the status patch of a route whose generation has not been reported on; nil when there is nothing new to say.
func reportOn(r route, services map[string]service) any {
	status, reason := "True", "ResolvedRefs"
	for _, rule := range r.Spec.Rules {
		for _, backend := range rule.BackendRefs {
			if _, there := services[backend.Name]; !there {
				status, reason = "False", "BackendNotFound"
			}
		}
	}
	if len(r.Spec.ParentRefs) == 0 || isReported(r, status) {
		return nil
	}
	now := time.Now().UTC().Format(time.RFC3339)
	conditions := []condition{
		{Type: "Accepted", Status: "True", Reason: "Accepted", ObservedGeneration: r.Metadata.Generation, LastTransitionTime: now},
		{Type: "ResolvedRefs", Status: status, Reason: reason, ObservedGeneration: r.Metadata.Generation, LastTransitionTime: now},
	}
	parents := []parentStatus{}
	for _, parent := range r.Spec.ParentRefs {
		parents = append(parents, parentStatus{ParentRef: parent, ControllerName: controller, Conditions: conditions})
	}
	return map[string]any{"status": map[string]any{"parents": parents}}
}

func isReported(r route, resolved string) bool {
	for _, parent := range r.Status.Parents {
		for _, one := range parent.Conditions {
			if one.Type == "ResolvedRefs" && one.ObservedGeneration == r.Metadata.Generation && one.Status == resolved {
				return true
			}
		}
	}
	return false
}
