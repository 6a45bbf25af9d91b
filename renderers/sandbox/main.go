// Command fairlead-sandbox becomes another program after it has given up what a renderer has no use for: the network,
// child processes, other processes, and files outside of one directory. It needs no privilege, so it works in a pod
// without capabilities, where namespaces can't be made.
//
//	fairlead-sandbox -dir DIR -memory BYTES -cpu SECONDS PROGRAM [ARGUMENT...]
//
// DIR and PROGRAM are absolute paths. It ends with 125 when it could not give something up.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sys/unix"
)

// failed is the exit code of a sandbox that could not be set up; no renderer ends with it.
const failed = 125

func main() {
	dir := flag.String("dir", "", "the one `directory` that the program may read")
	memory := flag.Uint64("memory", 1<<30, "most `bytes` of memory that the program may ask for")
	cpu := flag.Uint64("cpu", 60, "most `seconds` of processor time")
	flag.Parse()
	if !filepath.IsAbs(*dir) || flag.NArg() == 0 || !filepath.IsAbs(flag.Arg(0)) {
		flag.Usage()
		os.Exit(failed)
	}
	// Filters and the signal of the parent's death belong to a thread: the one that becomes the program.
	runtime.LockOSThread()
	err := confine(*dir, flag.Arg(0), limits{memory: *memory, cpu: *cpu})
	if err == nil {
		err = fmt.Errorf("cannot start %s: %w", flag.Arg(0), unix.Exec(flag.Arg(0), flag.Args(), os.Environ()))
	}
	fmt.Fprintf(os.Stderr, "fairlead-sandbox: %v\n", err)
	os.Exit(failed)
}

type limits struct{ memory, cpu uint64 }

// confine gives everything up, the files last but one: the seccomp filter would forbid nothing that the others need,
// but after it nothing can be undone.
func confine(dir, program string, l limits) error {
	// A renderer must not outlive the operator that reads from it.
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return fmt.Errorf("cannot tie the program's life to its parent's: %w", err)
	}
	if err := limit(l); err != nil {
		return err
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("cannot give up new privileges: %w", err)
	}
	if err := restrictFiles(dir, program); err != nil {
		return err
	}
	return filterCalls()
}

func limit(l limits) error {
	for _, one := range []struct {
		what     string
		resource int
		value    uint64
	}{
		{"memory", unix.RLIMIT_DATA, l.memory},
		{"processor time", unix.RLIMIT_CPU, l.cpu},
		{"the size of files", unix.RLIMIT_FSIZE, 0},
		{"core dumps", unix.RLIMIT_CORE, 0},
		{"open files", unix.RLIMIT_NOFILE, 256},
	} {
		if err := unix.Setrlimit(one.resource, &unix.Rlimit{Cur: one.value, Max: one.value}); err != nil {
			return fmt.Errorf("cannot limit %s: %w", one.what, err)
		}
	}
	return nil
}
