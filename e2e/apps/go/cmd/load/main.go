// Command load sends a steady, bounded load to a service of this cluster or machine, counts every answer by the version that
// gave it, and tells on GET /stats.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"
)

const (
	defaultDuration = 30 * time.Minute
	defaultCount    = 500_000
	maxRate         = 1000
)

type config struct {
	Target      *url.URL
	Host        string // the Host header, for a route that is chosen by its hostname
	Rate        float64
	MaxDuration time.Duration
	MaxCount    int64
	Header      string // name=value, for a route that chooses by it
	KeepAlive   bool
	GRPC        bool // unary calls with empty messages, over HTTP/2 without TLS
	Listen      string
	Probe       int64 // requests of a check that ends; 0 for a steady load
}

func main() {
	cfg, err := readConfig(os.Args[1:], os.Getenv, os.Stderr)
	if err != nil {
		log.Fatal(err)
	}
	if cfg.Probe > 0 {
		if err := probe(cfg, terminationLog); err != nil {
			log.Fatal(err)
		}
		return
	}
	listener, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	if err := run(ctx, cfg, listener, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// readConfig takes flags, and the environment for those not given: TARGET, HOST_HEADER, RATE, MAX_DURATION, MAX_COUNT, KEEPALIVE, LISTEN.
func readConfig(args []string, getenv func(string) string, out io.Writer) (config, error) {
	env := func(name, fallback string) string {
		if value := getenv(name); value != "" {
			return value
		}
		return fallback
	}
	flags := flag.NewFlagSet("load", flag.ContinueOnError)
	flags.SetOutput(out)
	target := flags.String("target", env("TARGET", ""), "URL to send GET requests to")
	host := flags.String("host", env("HOST_HEADER", ""), "Host header, the target's own when empty")
	rate := flags.String("rate", env("RATE", "50"), "requests per second, 1 to 1000")
	duration := flags.String("max-duration", env("MAX_DURATION", defaultDuration.String()), "stop sending after this time, at most 30m")
	count := flags.String("max-count", env("MAX_COUNT", strconv.Itoa(defaultCount)), "stop sending after this many requests, at most 500000")
	keep, err := strconv.ParseBool(env("KEEPALIVE", "false"))
	if err != nil {
		return config{}, fmt.Errorf("KEEPALIVE is true or false, got %q", getenv("KEEPALIVE"))
	}
	keepAlive := flags.Bool("keepalive", keep, "keep connections instead of a new one for each request")
	header := flags.String("header", "", "name=value of a header of each request")
	grpc := flags.Bool("grpc", false, "call the target's path by gRPC")
	listen := flags.String("listen", env("LISTEN", ":8081"), "address of /stats, /reset and /healthz")
	probe := flags.Int64("probe", 0, "send so many requests one after another, and fail unless all are answered well")
	if err := flags.Parse(args); err != nil {
		return config{}, err
	}
	cfg := config{Host: *host, Listen: *listen, Header: *header, KeepAlive: *keepAlive, GRPC: *grpc, Probe: *probe}
	if cfg.Target, err = checkTarget(*target); err != nil {
		return cfg, err
	}
	if cfg.Rate, err = strconv.ParseFloat(*rate, 64); err != nil || !(cfg.Rate >= 1 && cfg.Rate <= maxRate) {
		return cfg, fmt.Errorf("the rate is a number from 1 to %d, got %q", maxRate, *rate)
	}
	if cfg.MaxDuration, err = time.ParseDuration(*duration); err != nil || cfg.MaxDuration <= 0 || cfg.MaxDuration > defaultDuration {
		return cfg, fmt.Errorf("the longest duration is more than 0 and at most %s, got %q", defaultDuration, *duration)
	}
	if cfg.MaxCount, err = strconv.ParseInt(*count, 10, 64); err != nil || cfg.MaxCount < 1 || cfg.MaxCount > defaultCount {
		return cfg, fmt.Errorf("the largest count is from 1 to %d, got %q", defaultCount, *count)
	}
	return cfg, nil
}

// run sends until a bound or ctx ends it, serves the numbers until ctx ends, and prints them last. It does not exit when a
// bound is met: a restarted pod would begin again and forget what it saw.
func run(ctx context.Context, cfg config, listener net.Listener, out io.Writer) error {
	recorder := newRecorder()
	sender := newSender(cfg, recorder)
	server := &http.Server{Handler: handler(recorder, &users{sender: sender}), ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	log.Printf("load: %g requests per second to %s, at most %s or %d requests", cfg.Rate, cfg.Target, cfg.MaxDuration, cfg.MaxCount)
	sender.loop(ctx)
	log.Print("load: sending has ended")
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	server.Close()
	return json.NewEncoder(out).Encode(recorder.snapshot(time.Now()))
}

func handler(recorder *recorder, users *users) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /stats", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(recorder.snapshot(time.Now()))
	})
	mux.HandleFunc("POST /reset", func(w http.ResponseWriter, _ *http.Request) {
		recorder.reset()
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintln(w, "{}")
	})
	mux.HandleFunc("POST /visit/{users}/{requests}", func(w http.ResponseWriter, r *http.Request) {
		count, err := strconv.Atoi(r.PathValue("users"))
		requests, err2 := strconv.Atoi(r.PathValue("requests"))
		if err != nil || err2 != nil || count < 1 || count > 10_000 || requests < 1 || requests > 100 {
			http.Error(w, "up to 10000 users send up to 100 requests each", http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(users.visit(count, requests))
	})
	return mux
}
