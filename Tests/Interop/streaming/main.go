// Calls fnrpcd with containerd's ttrpc 1.2.4 and generated stubs: every call kind, errors, limits, many callers.
//
//	streaming SOCKET diagnostics    what any server of fnrpc.v1.Diagnostics and grpc.health.v1.Health must do
//	streaming SOCKET daemon         what the daemon does beyond that
//	streaming SOCKET echo           echo.v1.Echo of examples/echo-ttrpc, deployed
//	streaming SOCKET greeter        interop.v1.Greeter of Tests/Interop/greeter, deployed or alone
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"github.com/containerd/ttrpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Nothing here takes long; only a mistake makes it wait.
const patience = 30 * time.Second

func main() {
	suites := map[string]func(string){
		"diagnostics": diagnosticsSuite, "daemon": daemonSuite, "echo": echoSuite, "greeter": greeterSuite,
	}
	if len(os.Args) != 3 || suites[os.Args[2]] == nil {
		fmt.Fprintln(os.Stderr, "usage: streaming SOCKET diagnostics|daemon|echo|greeter")
		os.Exit(2)
	}
	suites[os.Args[2]](os.Args[1])
}

func connect(socket string) *ttrpc.Client {
	connection, err := net.Dial("unix", socket)
	if err != nil {
		fail("dial", err)
	}
	return ttrpc.NewClient(connection)
}

// step runs one check; the first failure ends the program.
func step(name string, check func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- check(ctx) }()
	select {
	case err := <-done:
		if err != nil {
			fail(name, err)
		}
	case <-time.After(patience + time.Second):
		fail(name, errors.New("hangs"))
	}
	fmt.Println("OK", name)
}

func fail(name string, err error) {
	fmt.Fprintln(os.Stderr, "FAILED", name+":", err)
	os.Exit(1)
}

// expect passes when the error has this code.
func expect(code codes.Code, err error) error {
	if err == nil {
		return fmt.Errorf("succeeded instead of %v", code)
	}
	if got := status.Code(err); got != code {
		return fmt.Errorf("code %v instead of %v: %w", got, code, err)
	}
	return nil
}

// together runs many at once and returns the first error.
func together(count int, run func(number int) error) error {
	var group sync.WaitGroup
	failures := make(chan error, count)
	for number := 0; number < count; number++ {
		group.Add(1)
		go func(number int) {
			defer group.Done()
			if err := run(number); err != nil {
				failures <- fmt.Errorf("caller %d: %w", number, err)
			}
		}(number)
	}
	group.Wait()
	close(failures)
	return <-failures
}
