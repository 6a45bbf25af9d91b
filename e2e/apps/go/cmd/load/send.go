package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"time"
)

const requestTimeout = 5 * time.Second

// sender sends one request at a time of an open loop: a slow answer does not make the next request wait, as real users don't.
type sender struct {
	cfg      config
	client   *http.Client
	recorder *recorder
	inFlight sync.WaitGroup
}

// newSender opens a new connection for each request unless told otherwise: a kept connection stays with the pod it reached,
// and Go quietly repeats a GET whose kept connection broke, which would hide lost requests.
func newSender(cfg config, recorder *recorder) *sender {
	dialer := &net.Dialer{Timeout: requestTimeout, Control: guardDial}
	transport := &http.Transport{
		DialContext:         dialer.DialContext,
		DisableKeepAlives:   !cfg.KeepAlive,
		DisableCompression:  true,
		MaxIdleConnsPerHost: 100,
		IdleConnTimeout:     30 * time.Second,
	}
	if cfg.GRPC {
		transport.Protocols = &http.Protocols{}
		transport.Protocols.SetUnencryptedHTTP2(true)
	}
	return &sender{cfg: cfg, recorder: recorder, client: &http.Client{
		Timeout:       requestTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     transport,
	}}
}

// loop sends at the rate until a bound is met or ctx ends, then waits for the answers that are still out.
// The n-th request is due at n/rate, so a late tick is made up for and the rate holds.
func (s *sender) loop(ctx context.Context) {
	defer s.inFlight.Wait()
	bounded, cancel := context.WithTimeout(ctx, s.cfg.MaxDuration)
	defer cancel()
	began := time.Now()
	pause := time.NewTimer(0)
	defer pause.Stop()
	for n := int64(0); n < s.cfg.MaxCount; n++ {
		due := began.Add(time.Duration(float64(n) / s.cfg.Rate * float64(time.Second)))
		pause.Reset(time.Until(due))
		select {
		case <-bounded.Done():
			return
		case <-pause.C:
		}
		epoch := s.recorder.sent()
		s.inFlight.Add(1)
		go func() {
			defer s.inFlight.Done()
			s.one(epoch)
		}()
	}
}

// one is not cancelled by the end of the loop: a request that was sent is waited for, at most requestTimeout.
func (s *sender) one(epoch int64) {
	answer, err := ask(s.cfg, s.client, nil)
	if err != nil {
		s.recorder.lost(epoch, classify(err), err, time.Now())
		return
	}
	s.recorder.answer(epoch, answer.Header.Get("X-Version"), status(answer), time.Now())
}

// ask sends one request and reads all of its answer.
func ask(cfg config, client *http.Client, cookies []*http.Cookie) (*http.Response, error) {
	request, err := http.NewRequest(http.MethodGet, cfg.Target.String(), nil)
	if cfg.GRPC {
		// A unary call with an empty message: no compression, no length.
		request, err = http.NewRequest(http.MethodPost, cfg.Target.String(), bytes.NewReader(make([]byte, 5)))
	}
	if err != nil {
		return nil, err
	}
	if cfg.GRPC {
		request.Header.Set("Content-Type", "application/grpc")
		request.Header.Set("TE", "trailers")
	}
	if name, value, there := strings.Cut(cfg.Header, "="); there {
		request.Header.Set(name, value)
	}
	for _, cookie := range cookies {
		request.AddCookie(cookie)
	}
	request.Host = cfg.Host
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return response, err
}

// status is what an answer says of its outcome; for gRPC that is in the trailers, and only there.
func status(answer *http.Response) int {
	if answer.Header.Get("Content-Type") == "application/grpc" && answer.Trailer.Get("Grpc-Status") != "0" {
		return http.StatusInternalServerError
	}
	return answer.StatusCode
}

// classify names how a request was lost. A connection that ended before the answer was complete counts as reset, whether by
// RST or by FIN: to the caller it is the same.
func classify(err error) string {
	var timed net.Error
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "reset"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timed) && timed.Timeout():
		return "timeout"
	}
	return "other"
}
