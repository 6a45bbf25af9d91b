package main

import (
	"net/http"
	"strings"
	"sync"
)

const atOnce = 32

// users are callers with a cookie jar each, which they keep from one visit to the next.
type users struct {
	sender *sender
	mutex  sync.Mutex
	jars   []map[string]*http.Cookie
}

// visit lets each of the first so many users send some requests, one after the other, and tells for each of them the versions
// that answered: "v1", or "v1 v2" where there were two. A request without a good answer counts as version "none".
func (u *users) visit(count, requests int) []string {
	u.mutex.Lock()
	defer u.mutex.Unlock()
	for len(u.jars) < count {
		u.jars = append(u.jars, map[string]*http.Cookie{})
	}
	seen := make([]string, count)
	var all sync.WaitGroup
	slots := make(chan struct{}, atOnce)
	for i := range count {
		slots <- struct{}{}
		all.Add(1)
		go func() {
			defer all.Done()
			defer func() { <-slots }()
			seen[i] = u.one(u.jars[i], requests)
		}()
	}
	all.Wait()
	return seen
}

func (u *users) one(jar map[string]*http.Cookie, requests int) string {
	versions := []string{}
	for range requests {
		cookies := []*http.Cookie{}
		for _, cookie := range jar {
			cookies = append(cookies, cookie)
		}
		version := noVersion
		if answer, err := ask(u.sender.cfg, u.sender.client, cookies); err == nil && status(answer) == http.StatusOK {
			version = answer.Header.Get("X-Version")
			for _, cookie := range answer.Cookies() {
				jar[cookie.Name] = cookie
			}
		}
		if len(versions) == 0 || versions[len(versions)-1] != version {
			versions = append(versions, version)
		}
	}
	return strings.Join(versions, " ")
}
