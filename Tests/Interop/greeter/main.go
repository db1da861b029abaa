// A function of a user's own: serves interop.v1.Greeter with containerd's ttrpc server on the socket that fnrpc names.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"

	"github.com/containerd/ttrpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"stubs/greeter"
)

// Names that ask for an error.
const (
	refuse = "refuse" // at once
	breaks = "break"  // after the answers
)

func main() {
	path := strings.TrimPrefix(os.Getenv("FNRPC_LISTENER"), "unix:")
	listener, err := net.Listen("unix", path)
	if err != nil {
		fail(err)
	}
	server, err := ttrpc.NewServer()
	if err != nil {
		fail(err)
	}
	greeter.RegisterGreeterService(server, service{})
	fail(server.Serve(context.Background(), listener))
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "greeter:", err)
	os.Exit(1)
}

type service struct{}

func (service) Greet(_ context.Context, greeting *greeter.Greeting) (*greeter.Greeting, error) {
	if greeting.Name == refuse {
		return nil, status.Errorf(codes.FailedPrecondition, "not you")
	}
	return &greeter.Greeting{Name: "Hello, " + greeting.Name, Number: greeting.Number, Padding: greeting.Padding}, nil
}

func (service) Gather(_ context.Context, stream greeter.Greeter_GatherServer) (*greeter.Greeting, error) {
	sum := &greeter.Greeting{}
	for {
		greeting, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return sum, nil
		}
		if err != nil {
			return nil, err
		}
		if greeting.Name == refuse {
			return nil, status.Errorf(codes.FailedPrecondition, "not you")
		}
		sum.Name += greeting.Name
		sum.Number += greeting.Number
	}
}

func (service) Repeat(_ context.Context, greeting *greeter.Greeting, stream greeter.Greeter_RepeatServer) error {
	for number := int64(0); number < greeting.Number; number++ {
		if err := stream.Send(&greeter.Greeting{Name: greeting.Name, Number: number, Padding: greeting.Padding}); err != nil {
			return err
		}
	}
	if greeting.Name == breaks {
		return status.Errorf(codes.Aborted, "broke")
	}
	return nil
}

func (service) Chat(_ context.Context, stream greeter.Greeter_ChatServer) error {
	for {
		greeting, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := stream.Send(greeting); err != nil {
			return err
		}
	}
}
