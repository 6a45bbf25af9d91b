package main

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Offsets in struct seccomp_data; both architectures are little-endian.
const (
	offsetCall     = 0
	offsetArch     = 4
	offsetArgument = 16
)

// refused answers EPERM: every way to a socket, to another process, to another view of the machine.
var refused = []uint32{
	unix.SYS_SOCKET, unix.SYS_SOCKETPAIR, unix.SYS_CONNECT, unix.SYS_BIND, unix.SYS_LISTEN, unix.SYS_ACCEPT,
	unix.SYS_ACCEPT4, unix.SYS_SENDTO, unix.SYS_SENDMSG, unix.SYS_SENDMMSG,
	unix.SYS_IO_URING_SETUP, unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER,
	unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV, unix.SYS_PIDFD_OPEN, unix.SYS_PIDFD_GETFD,
	unix.SYS_KILL, unix.SYS_UNSHARE, unix.SYS_SETNS, unix.SYS_MOUNT, unix.SYS_BPF, unix.SYS_PERF_EVENT_OPEN,
	unix.SYS_KEYCTL, unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY, unix.SYS_USERFAULTFD, unix.SYS_PRLIMIT64,
}

// filterCalls installs a seccomp filter that stays for good, also across execve.
func filterCalls() error {
	filter := callFilter()
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&program)), 0, 0); err != nil {
		return fmt.Errorf("cannot filter system calls: %w", err)
	}
	return nil
}

func callFilter() []unix.SockFilter {
	refusal := answer(unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM))
	filter := []unix.SockFilter{
		load(offsetArch),
		skipIfEqual(arch, 1),
		answer(unix.SECCOMP_RET_KILL_PROCESS),
		load(offsetCall),
	}
	// The x32 calls of amd64 are the same ones under other numbers.
	filter = append(filter, jump(unix.BPF_JGE, foreign, 0, 1), refusal)
	for _, call := range append(refused, refusedHere...) {
		filter = append(filter, jump(unix.BPF_JEQ, call, 0, 1), refusal)
	}
	// The flags of clone3 are behind a pointer: without it, libraries fall back to clone.
	filter = append(filter, jump(unix.BPF_JEQ, unix.SYS_CLONE3, 0, 1), answer(unix.SECCOMP_RET_ERRNO|uint32(unix.ENOSYS)))
	return append(filter,
		jump(unix.BPF_JEQ, unix.SYS_CLONE, 0, 3),
		load(offsetArgument),
		// A thread may be made, a process not.
		jump(unix.BPF_JSET, unix.CLONE_THREAD, 1, 0),
		refusal,
		answer(unix.SECCOMP_RET_ALLOW),
	)
}

func load(offset uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset}
}

func skipIfEqual(value uint32, skip uint8) unix.SockFilter {
	return jump(unix.BPF_JEQ, value, skip, 0)
}

func jump(test uint16, value uint32, yes, no uint8) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_K | test, Jt: yes, Jf: no, K: value}
}

func answer(value uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: value}
}
