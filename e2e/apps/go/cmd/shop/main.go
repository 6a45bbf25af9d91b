// Command shop is the workload of the end-to-end suites: a small web service whose version, errors, slowness and manner of
// stopping are set by its environment, so that a commit can make it better or worse.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	log.SetFlags(log.LstdFlags | log.Lmicroseconds)
	cfg, err := readConfig(os.Getenv)
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		log.Fatal(err)
	}
	// A handler is needed even to die at once: the kernel ignores the default action of a signal to process 1 of a container.
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM, syscall.SIGINT)
	if err := run(cfg, listener, term); err != nil {
		log.Fatal(err)
	}
}

// run serves until a signal comes, and then stops in the way the configuration asks for.
func run(cfg config, listener net.Listener, term <-chan os.Signal) error {
	app := newShop(cfg, time.Now())
	protocols := &http.Protocols{}
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{Handler: app.handler(), ReadHeaderTimeout: 10 * time.Second, Protocols: protocols}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	log.Printf("shop %s listens on %s", cfg.Version, listener.Addr())

	select {
	case err := <-served:
		return err
	case <-term:
	}
	if cfg.ExitAtOnce {
		log.Printf("shop %s exits at once", cfg.Version)
		os.Exit(0)
	}
	return stop(app, server, served, cfg.Grace)
}

// stop keeps accepting for a part of the grace period, because callers learn late that this pod is leaving: the removal of an
// endpoint and the signal are not ordered. Answers carry "Connection: close" meanwhile; idle connections are closed only at
// the end, when their owners have had the time to move away.
func stop(app *shop, server *http.Server, served <-chan error, grace time.Duration) error {
	app.stopping.Store(true)
	log.Printf("shop %s is stopping, grace %s", app.cfg.Version, grace)
	deadline, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	accepting := time.NewTimer(grace * 3 / 5)
	defer accepting.Stop()
	select {
	case err := <-served:
		return err
	case <-accepting.C:
	}
	if err := server.Shutdown(deadline); err != nil {
		return fmt.Errorf("requests were still in flight after %s: %w", grace, err)
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	log.Printf("shop %s stopped", app.cfg.Version)
	return nil
}
