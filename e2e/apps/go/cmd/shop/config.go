package main

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// config is everything the environment can set.
type config struct {
	Listen     string
	Version    string
	Pod        string
	FailurePPM int64 // failures per million answers: integers keep "5 % is every 20th" exact
	Delay      time.Duration
	ReadyDelay time.Duration
	FailReady  bool
	ExitAtOnce bool
	Grace      time.Duration
}

// readConfig refuses a value that it does not understand: a typo must not make a bad version look good.
func readConfig(getenv func(string) string) (config, error) {
	cfg := config{Listen: or(getenv("LISTEN"), ":8080"), Version: or(getenv("VERSION"), "none"), Pod: getenv("HOSTNAME")}
	rate, err := strconv.ParseFloat(or(getenv("FAILURE_RATE"), "0"), 64)
	if err != nil || math.IsNaN(rate) || rate < 0 || rate > 1 {
		return cfg, fmt.Errorf("FAILURE_RATE is a share from 0 to 1, got %q", getenv("FAILURE_RATE"))
	}
	cfg.FailurePPM = int64(math.Round(rate * 1e6))
	for _, field := range []struct {
		name, fallback string
		into           *time.Duration
	}{{"DELAY", "0s", &cfg.Delay}, {"READY_DELAY", "0s", &cfg.ReadyDelay}, {"GRACE", "5s", &cfg.Grace}} {
		value, err := time.ParseDuration(or(getenv(field.name), field.fallback))
		if err != nil || value < 0 {
			return cfg, fmt.Errorf("%s is a duration such as 250ms, got %q", field.name, getenv(field.name))
		}
		*field.into = value
	}
	for _, field := range []struct {
		name string
		into *bool
	}{{"FAIL_READY", &cfg.FailReady}, {"EXIT_AT_ONCE", &cfg.ExitAtOnce}} {
		value, err := strconv.ParseBool(or(getenv(field.name), "false"))
		if err != nil {
			return cfg, fmt.Errorf("%s is true or false, got %q", field.name, getenv(field.name))
		}
		*field.into = value
	}
	return cfg, nil
}

func or(value, fallback string) string {
	if value == "" {
		return fallback
	}
	return value
}
