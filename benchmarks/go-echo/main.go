// Serves fnrpc.v1.Diagnostics and grpc.health.v1.Health with containerd's own ttrpc server, as fnrpcd does: what a Go
// program makes of the same calls.
//
//	go-echo SOCKET
//
// Says "ready" when it listens.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/containerd/ttrpc"

	"stubs/diagnostics"
	"stubs/health"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: go-echo SOCKET")
		os.Exit(2)
	}
	listener, err := net.Listen("unix", os.Args[1])
	if err != nil {
		fail(err)
	}
	server, err := ttrpc.NewServer()
	if err != nil {
		fail(err)
	}
	diagnostics.RegisterDiagnosticsService(server, service{})
	health.RegisterHealthService(server, healthy{})
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	go func() {
		<-ctx.Done()
		server.Close()
	}()
	fmt.Println("ready")
	if err := server.Serve(ctx, listener); err != nil && !errors.Is(err, ttrpc.ErrServerClosed) {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "go-echo:", err)
	os.Exit(1)
}

type service struct{}

func (service) Echo(_ context.Context, message *diagnostics.EchoMessage) (*diagnostics.EchoMessage, error) {
	return message, nil
}

func (service) Collect(_ context.Context, stream diagnostics.Diagnostics_CollectServer) (*diagnostics.CollectResponse, error) {
	var messages, size uint64
	for {
		message, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return &diagnostics.CollectResponse{Messages: &messages, Bytes: &size}, nil
		}
		if err != nil {
			return nil, err
		}
		messages++
		size += uint64(len(message.Payload))
	}
}

func (service) Generate(_ context.Context, request *diagnostics.GenerateRequest, stream diagnostics.Diagnostics_GenerateServer) error {
	payload := make([]byte, request.GetBytes())
	for i := uint32(0); i < request.GetMessages(); i++ {
		if err := stream.Send(&diagnostics.EchoMessage{Payload: payload}); err != nil {
			return err
		}
	}
	return nil
}

func (service) EchoStream(_ context.Context, stream diagnostics.Diagnostics_EchoStreamServer) error {
	for {
		message, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := stream.Send(message); err != nil {
			return err
		}
	}
}

type healthy struct{}

func serving() *health.HealthCheckResponse {
	return &health.HealthCheckResponse{Status: health.HealthCheckResponse_SERVING}
}

func (healthy) Check(context.Context, *health.HealthCheckRequest) (*health.HealthCheckResponse, error) {
	return serving(), nil
}

func (healthy) Watch(ctx context.Context, _ *health.HealthCheckRequest, stream health.Health_WatchServer) error {
	if err := stream.Send(serving()); err != nil {
		return err
	}
	<-ctx.Done()
	return ctx.Err()
}

func (healthy) List(context.Context, *health.HealthListRequest) (*health.HealthListResponse, error) {
	return &health.HealthListResponse{Statuses: map[string]*health.HealthCheckResponse{"": serving()}}, nil
}
