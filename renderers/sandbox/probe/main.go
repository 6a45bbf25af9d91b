// Command probe tries what a program in the sandbox must not be able to do, and says what came of it. Tests run it.
package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

func main() {
	what, argument := os.Args[1], os.Args[2]
	switch what {
	case "connect":
		_, err := net.DialTimeout("tcp", argument, time.Second)
		say(err)
	case "resolve":
		_, err := net.LookupHost(argument)
		say(err)
	case "start":
		say(exec.Command(argument).Run())
	case "become":
		say(unix.Exec(argument, []string{argument}, nil))
	case "read":
		_, err := os.ReadFile(argument)
		say(err)
	case "write":
		say(os.WriteFile(argument, []byte("x"), 0o600))
	case "kill":
		say(unix.Kill(os.Getppid(), 0))
	case "environment":
		fmt.Println(os.Environ())
	case "allocate":
		block := make([]byte, number(argument)<<20)
		for i := range block {
			block[i] = 1
		}
		fmt.Println("allocated", len(block))
	case "print":
		line := make([]byte, 1<<20)
		for range number(argument) {
			os.Stdout.Write(line)
		}
	case "spin":
		for {
		}
	case "sleep":
		time.Sleep(time.Hour)
	case "fail":
		fmt.Fprintln(os.Stderr, argument)
		os.Exit(1)
	}
}

func number(text string) int {
	value, err := strconv.Atoi(text)
	if err != nil {
		panic(err)
	}
	return value
}

func say(err error) {
	if err == nil {
		fmt.Println("done")
		return
	}
	fmt.Println("refused:", err)
}
