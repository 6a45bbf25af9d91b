package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
)

func usersOf(t *testing.T, handler http.HandlerFunc, args ...string) *users {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.Protocols = &http.Protocols{}
	server.Config.Protocols.SetHTTP1(true)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	t.Cleanup(server.Close)
	cfg, err := readConfig(append([]string{"-target", server.URL + "/shop.Shop/Sell"}, args...), noEnv, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	return &users{sender: newSender(cfg, newRecorder())}
}

func TestUsersKeepTheirCookies(t *testing.T) {
	all := usersOf(t, func(w http.ResponseWriter, r *http.Request) {
		version := "stranger"
		if _, err := r.Cookie("track"); err == nil {
			version = "guest"
		}
		http.SetCookie(w, &http.Cookie{Name: "track", Value: "1"})
		w.Header().Set("X-Version", version)
	})
	if got, want := all.visit(2, 3), []string{"stranger guest", "stranger guest"}; !slices.Equal(got, want) {
		t.Errorf("at first they saw %q", got)
	}
	if got, want := all.visit(3, 1), []string{"guest", "guest", "stranger"}; !slices.Equal(got, want) {
		t.Errorf("then they saw %q", got)
	}
}

func TestACallByGRPCSucceedsByItsTrailer(t *testing.T) {
	for trailer, want := range map[string]string{"0": "v1", "13": noVersion, "": noVersion} {
		all := usersOf(t, func(w http.ResponseWriter, r *http.Request) {
			if body, _ := io.ReadAll(r.Body); r.ProtoMajor != 2 || r.Header.Get("TE") != "trailers" || len(body) != 5 {
				t.Errorf("no call by gRPC: %s with %d bytes", r.Proto, len(body))
			}
			w.Header().Set("Trailer", "Grpc-Status")
			w.Header().Set("Content-Type", "application/grpc")
			w.Header().Set("X-Version", "v1")
			_, _ = w.Write(make([]byte, 5))
			if trailer != "" {
				w.Header().Set("Grpc-Status", trailer)
			}
		}, "-grpc")
		if got := all.visit(1, 1); got[0] != want {
			t.Errorf("with status %q it is %q, not %q", trailer, got[0], want)
		}
	}
}
