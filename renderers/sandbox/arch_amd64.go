package main

import "golang.org/x/sys/unix"

const (
	arch = unix.AUDIT_ARCH_X86_64
	// foreign is the first call number of x32.
	foreign = 0x40000000
)

var refusedHere = []uint32{unix.SYS_FORK, unix.SYS_VFORK}
