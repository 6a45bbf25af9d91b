package main

import (
	"math/rand/v2"
	"net/http"
	"net/http/httputil"
	"time"
)

// newProxy sends each request to the address that the table chooses for it, once.
func newProxy(table *table) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /-/healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		address := table.choose(r, time.Now(), rand.IntN)
		if address == "" {
			http.Error(w, "the gateway knows no endpoint", http.StatusServiceUnavailable)
			return
		}
		proxy := &httputil.ReverseProxy{
			Transport: transport,
			Rewrite: func(request *httputil.ProxyRequest) {
				request.Out.URL.Scheme = "http"
				request.Out.URL.Host = address
				request.Out.Host = request.In.Host
			},
		}
		proxy.ServeHTTP(w, r)
	})
	return mux
}

// A connection for each request: one that was kept would hide a pod that is gone.
var transport = &http.Transport{DisableKeepAlives: true, ResponseHeaderTimeout: 10 * time.Second}
