package main

import "golang.org/x/sys/unix"

const (
	arch = unix.AUDIT_ARCH_AARCH64
	// foreign is beyond all call numbers.
	foreign = 0x40000000
)

var refusedHere []uint32
