// Command gateway is a small Gateway for tests: it follows the routes of one kind and the EndpointSlices of its namespace, each as late as
// it is told, and says at once that it accepted a route. Real gateways differ in these delays; what is safe behind this one
// does not depend on them. It retries nothing, so a request that it loses is seen.
package main

import (
	"context"
	"errors"
	"flag"
	"log"
	"maps"
	"net"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"time"
)

const grace = 5 * time.Second

type config struct {
	Listen         string
	Namespace      string
	Kind           string
	RoutesDelay    time.Duration
	EndpointsDelay time.Duration
}

func main() {
	var cfg config
	flag.StringVar(&cfg.Listen, "listen", ":8000", "address to serve on")
	flag.StringVar(&cfg.Namespace, "namespace", os.Getenv("NAMESPACE"), "the namespace whose routes are followed")
	flag.StringVar(&cfg.Kind, "routes", "httproutes", "the routes that are followed: httproutes or grpcroutes")
	flag.DurationVar(&cfg.RoutesDelay, "routes-delay", 0, "how late a route takes effect")
	flag.DurationVar(&cfg.EndpointsDelay, "endpoints-delay", 0, "how late endpoints take effect")
	flag.Parse()
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	if err := run(ctx, cfg); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, cfg config) error {
	api, err := inCluster()
	if err != nil {
		return err
	}
	table := newTable(cfg.RoutesDelay, cfg.EndpointsDelay)
	follow(ctx, cfg, api, table)
	listener, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return err
	}
	protocols := cleartext2()
	protocols.SetHTTP1(true)
	server := &http.Server{Handler: newProxy(table), ReadHeaderTimeout: 10 * time.Second, Protocols: protocols}
	go func() {
		<-ctx.Done()
		stopping, cancel := context.WithTimeout(context.Background(), grace)
		defer cancel()
		_ = server.Shutdown(stopping)
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// follow keeps the table up to what is there, and reports on routes.
func follow(ctx context.Context, cfg config, api *apiClient, table *table) {
	namespace := cfg.Namespace
	base := "/apis/gateway.networking.k8s.io/v1/namespaces/" + namespace + "/" + cfg.Kind
	var state struct {
		sync.Mutex
		routes   []route
		services map[string]service
	}
	report := func() {
		state.Lock()
		routes, services := state.routes, state.services
		state.Unlock()
		if services == nil {
			return
		}
		for _, route := range routes {
			if patch := reportOn(route, services); patch != nil {
				if err := api.patch(ctx, base+"/"+route.Metadata.Name+"/status", patch); err != nil {
					log.Printf("a report failed: %v", err)
				}
			}
		}
	}
	go watch(ctx, api, base, func(items map[string]route) {
		table.sawRoutes(time.Now(), sorted(items))
		state.Lock()
		state.routes = sorted(items)
		state.Unlock()
		report()
	})
	go watch(ctx, api, "/api/v1/namespaces/"+namespace+"/services", func(items map[string]service) {
		state.Lock()
		state.services = maps.Clone(items)
		state.Unlock()
		report()
	})
	go watch(ctx, api, "/apis/discovery.k8s.io/v1/namespaces/"+namespace+"/endpointslices", func(items map[string]slice) {
		table.sawSlices(time.Now(), sorted(items))
	})
}

func sorted[T any](items map[string]T) []T {
	names := slices.Sorted(maps.Keys(items))
	found := make([]T, 0, len(names))
	for _, name := range names {
		found = append(found, items[name])
	}
	return found
}
