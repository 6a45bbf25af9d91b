package main

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"syscall"
)

// clusterName matches what a Service is called inside a cluster: web, web.shop, web.shop.svc, web.shop.svc.cluster.local.
// A two-part name must have the .svc ending: "web.shop" cannot be told from a public name.
var clusterName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?\.svc(\.cluster\.local)?)?$`)

// unrouted networks are private in fact, though not in name: some clusters use carrier NAT's for their pods, and the test
// clusters use the one that is set aside for tests of networks.
var unrouted = []netip.Prefix{netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("198.18.0.0/15")}

// checkTarget lets the load go to this machine or this cluster only: a generator that can be aimed at anything is a weapon.
func checkTarget(raw string) (*url.URL, error) {
	target, err := url.Parse(raw)
	if err != nil || (target.Scheme != "http" && target.Scheme != "https") || target.Hostname() == "" {
		return nil, fmt.Errorf("the target %q is not an http(s) URL", raw)
	}
	host := strings.ToLower(target.Hostname())
	if addr, err := netip.ParseAddr(host); err == nil {
		return target, checkAddress(addr)
	}
	if !clusterName.MatchString(host) {
		return nil, fmt.Errorf("the target %q is refused: load goes only to loopback, to a private address, or to a Service by its name (web, web.shop.svc, web.shop.svc.cluster.local)", raw)
	}
	return target, nil
}

func checkAddress(addr netip.Addr) error {
	addr = addr.Unmap()
	if addr.IsLoopback() || addr.IsPrivate() {
		return nil
	}
	for _, network := range unrouted {
		if network.Contains(addr) {
			return nil
		}
	}
	return fmt.Errorf("the address %s is refused: load goes only to loopback and private addresses", addr)
}

// guardDial checks the address that a name turned out to be, which a search domain may have taken out of the cluster.
func guardDial(_, address string, _ syscall.RawConn) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return err
	}
	return checkAddress(addr)
}
