package main

import (
	"encoding/json"
	"fmt"
	"os"
	"time"
)

// terminationLog is where Kubernetes reads what a container has to say at its end.
const terminationLog = "/dev/termination-log"

// probe sends requests one after another, writes what came of them to note, and fails unless all were answered well: a check
// of a revision, run as a Job.
func probe(cfg config, note string) error {
	recorder := newRecorder()
	sender := newSender(cfg, recorder)
	for range cfg.Probe {
		sender.one(recorder.sent())
	}
	found := recorder.snapshot(time.Now())
	text, err := json.Marshal(map[string]any{"sent": found.Sent, "failed": found.Failed, "versions": found.ByVersion})
	if err == nil {
		err = os.WriteFile(note, text, 0o644)
	}
	if err == nil && found.Failed > 0 {
		err = fmt.Errorf("%d of %d requests failed", found.Failed, found.Sent)
	}
	return err
}
