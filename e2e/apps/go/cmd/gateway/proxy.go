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
		choice := table.choose(r, time.Now(), rand.IntN)
		if choice.address == "" {
			http.Error(w, "the gateway knows no endpoint", http.StatusServiceUnavailable)
			return
		}
		proxy := &httputil.ReverseProxy{
			Transport: transportFor(r),
			Rewrite: func(request *httputil.ProxyRequest) {
				request.Out.URL.Scheme = "http"
				request.Out.URL.Host = choice.address
				request.Out.Host = request.In.Host
			},
			ModifyResponse: func(response *http.Response) error {
				for _, filter := range choice.filters {
					filter.apply(response.Header)
				}
				return nil
			},
		}
		proxy.ServeHTTP(w, r)
	})
	return mux
}

func (f filter) apply(headers http.Header) {
	if f.ResponseHeaderModifier == nil {
		return
	}
	for _, header := range f.ResponseHeaderModifier.Set {
		headers.Set(header.Name, header.Value)
	}
	for _, header := range f.ResponseHeaderModifier.Add {
		headers.Add(header.Name, header.Value)
	}
}

// A connection for each request: one that was kept would hide a pod that is gone.
var (
	plain = &http.Transport{DisableKeepAlives: true, ResponseHeaderTimeout: 10 * time.Second}
	h2c   = &http.Transport{DisableKeepAlives: true, ResponseHeaderTimeout: 10 * time.Second, Protocols: cleartext2()}
)

// transportFor speaks to the pod as the caller speaks to the gateway: gRPC needs HTTP/2 all the way.
func transportFor(r *http.Request) *http.Transport {
	if r.ProtoMajor == 2 {
		return h2c
	}
	return plain
}

func cleartext2() *http.Protocols {
	protocols := &http.Protocols{}
	protocols.SetUnencryptedHTTP2(true)
	return protocols
}
