// Calls fnrpcd with containerd's own ttrpc client and generated stubs: does a client that we did not write understand us?
//
//	interop SOCKET APP FUNCTION
//
// The function must answer with what it was sent.
package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"github.com/containerd/ttrpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	fnrpc "interop/fnrpc"
	health "interop/health"
)

const (
	callers        = 64
	callsPerCaller = 1000
	callTimeout    = 30 * time.Second
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: interop SOCKET APP FUNCTION")
		os.Exit(2)
	}
	socket, app, function := os.Args[1], os.Args[2], os.Args[3]
	connection, err := net.Dial("unix", socket)
	if err != nil {
		fail("dial", err)
	}
	client := ttrpc.NewClient(connection)
	defer client.Close()

	step("health", checkHealth(client))
	invocation := fnrpc.NewInvocationClient(client)
	step("invoke", invoke(invocation, app, function, []byte("hello from Go")))
	step("invoke with an empty payload", invoke(invocation, app, function, nil))
	step("invoke with 1 MiB", invoke(invocation, app, function, bytes.Repeat([]byte("0123456789abcdef"), 1<<16)))
	step("unknown function is NotFound", expect(codes.NotFound, func(ctx context.Context) error {
		_, err := invocation.Invoke(ctx, request(app, "no-such-function", nil))
		return err
	}))
	step("unknown method is Unimplemented", expect(codes.Unimplemented, func(ctx context.Context) error {
		return client.Call(ctx, "fnrpc.v1.Invocation", "NoSuchMethod", &health.HealthCheckRequest{}, &health.HealthCheckResponse{})
	}))
	step("expired deadline fails and harms nobody", expired(invocation, app, function))
	begin := time.Now()
	step("concurrent callers", concurrent(invocation, app, function))
	rate := float64(callers*callsPerCaller) / time.Since(begin).Seconds()
	fmt.Printf("   %d callers, %d calls each, one connection: %.0f calls/s\n", callers, callsPerCaller, rate)
}

func step(name string, err error) {
	if err != nil {
		fail(name, err)
	}
	fmt.Println("OK", name)
}

func fail(name string, err error) {
	fmt.Fprintln(os.Stderr, "FAILED", name+":", err)
	os.Exit(1)
}

func checkHealth(client *ttrpc.Client) error {
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	response, err := health.NewHealthClient(client).Check(ctx, &health.HealthCheckRequest{})
	if err != nil {
		return err
	}
	if response.Status != health.HealthCheckResponse_SERVING {
		return fmt.Errorf("status is %v", response.Status)
	}
	return nil
}

func request(app, function string, payload []byte) *fnrpc.InvokeRequest {
	contentType := "application/octet-stream"
	return &fnrpc.InvokeRequest{App: &app, Function: &function, Payload: payload, ContentType: &contentType}
}

func invoke(client fnrpc.InvocationService, app, function string, payload []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	response, err := client.Invoke(ctx, request(app, function, payload))
	if err != nil {
		return err
	}
	if !bytes.Equal(response.Payload, payload) {
		return fmt.Errorf("sent %d bytes, got %d others", len(payload), len(response.Payload))
	}
	return nil
}

// expect passes when the call fails with this code.
func expect(code codes.Code, call func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	err := call(ctx)
	if err == nil {
		return fmt.Errorf("the call succeeded")
	}
	if got := status.Code(err); got != code {
		return fmt.Errorf("code %v: %w", got, err)
	}
	return nil
}

func expired(client fnrpc.InvocationService, app, function string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Nanosecond)
	defer cancel()
	if _, err := client.Invoke(ctx, request(app, function, nil)); err == nil {
		return fmt.Errorf("the call succeeded")
	}
	return invoke(client, app, function, []byte("the connection lives on"))
}

func concurrent(client fnrpc.InvocationService, app, function string) error {
	var group sync.WaitGroup
	failures := make(chan error, callers)
	for caller := 0; caller < callers; caller++ {
		group.Add(1)
		go func(caller int) {
			defer group.Done()
			for call := 0; call < callsPerCaller; call++ {
				payload := []byte(fmt.Sprintf("caller %d call %d", caller, call))
				if err := invoke(client, app, function, payload); err != nil {
					failures <- fmt.Errorf("caller %d call %d: %w", caller, call, err)
					return
				}
			}
		}(caller)
	}
	group.Wait()
	close(failures)
	return <-failures
}
