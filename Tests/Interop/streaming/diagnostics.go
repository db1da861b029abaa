package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/containerd/ttrpc"
	"google.golang.org/grpc/codes"

	"stubs/diagnostics"
	"stubs/health"
	"stubs/invocation"
)

const chunk = 64 << 10

func diagnosticsSuite(socket string) {
	client := connect(socket)
	defer client.Close()
	calls := diagnostics.NewDiagnosticsClient(client)

	step("Echo", func(ctx context.Context) error { return echoed(ctx, calls, []byte("hello from Go")) })
	step("Echo of nothing", func(ctx context.Context) error { return echoed(ctx, calls, nil) })
	step("Echo of 3 MiB", func(ctx context.Context) error { return echoed(ctx, calls, bytes.Repeat([]byte("abc"), 1<<20)) })
	step("Collect of 1000 messages", func(ctx context.Context) error { return collect(ctx, calls, 1000, 1000) })
	step("Collect of none", func(ctx context.Context) error { return collect(ctx, calls, 0, 0) })
	step("Generate 1000 messages", func(ctx context.Context) error { return generate(ctx, calls, 1000, 1000, 0) })
	step("Generate none", func(ctx context.Context) error { return generate(ctx, calls, 0, 10, 0) })
	step("Generate empty ones", func(ctx context.Context) error { return generate(ctx, calls, 10, 0, 0) })
	step("Generate 256 KiB each", func(ctx context.Context) error { return generate(ctx, calls, 20, 256<<10, 0) })
	step("EchoStream, one at a time", func(ctx context.Context) error { return pingPong(ctx, calls, 500) })
	step("EchoStream, both ways at once", func(ctx context.Context) error { return bothWays(ctx, calls, 500) })
	step("EchoStream of nothing", func(ctx context.Context) error { return pingPong(ctx, calls, 0) })
	step("a reader that pauses loses nothing and delays nobody", func(ctx context.Context) error { return pause(ctx, socket, calls) })
	step("Check, Watch, List", func(ctx context.Context) error { return checkHealth(ctx, health.NewHealthClient(client)) })
	step("a passed deadline harms nobody", func(ctx context.Context) error { return expired(ctx, calls) })
	step("a stream that is given up harms nobody", func(ctx context.Context) error { return givenUp(ctx, health.NewHealthClient(client), calls) })
	step("a request over 4 MiB is ResourceExhausted, and the connection lives", func(ctx context.Context) error {
		_, err := calls.Echo(ctx, &diagnostics.EchoMessage{Payload: make([]byte, 4<<20)})
		if err := expect(codes.ResourceExhausted, err); err != nil {
			return err
		}
		return echoed(ctx, calls, []byte("still here"))
	})
	step("unknown services and methods are Unimplemented", func(ctx context.Context) error { return unimplemented(ctx, client) })
	step("64 callers, and 16 streams, on one connection", func(ctx context.Context) error { return concurrent(ctx, calls) })
}

func echoed(ctx context.Context, calls diagnostics.DiagnosticsClient, payload []byte) error {
	answer, err := calls.Echo(ctx, &diagnostics.EchoMessage{Payload: payload})
	if err != nil {
		return err
	}
	if !bytes.Equal(answer.Payload, payload) {
		return fmt.Errorf("sent %d bytes, got %d others", len(payload), len(answer.Payload))
	}
	return nil
}

func collect(ctx context.Context, calls diagnostics.DiagnosticsClient, messages, size int) error {
	stream, err := calls.Collect(ctx)
	if err != nil {
		return err
	}
	for i := 0; i < messages; i++ {
		if err := stream.Send(&diagnostics.EchoMessage{Payload: make([]byte, size)}); err != nil {
			return err
		}
	}
	answer, err := stream.CloseAndRecv()
	if err != nil {
		return err
	}
	if answer.GetMessages() != uint64(messages) || answer.GetBytes() != uint64(messages*size) {
		return fmt.Errorf("sent %d messages of %d bytes; counted %d, %d bytes in all", messages, size, answer.GetMessages(), answer.GetBytes())
	}
	return nil
}

// generate reads all messages; it waits before it reads the second one.
func generate(ctx context.Context, calls diagnostics.DiagnosticsClient, messages, size uint32, wait time.Duration) error {
	stream, err := calls.Generate(ctx, &diagnostics.GenerateRequest{Messages: &messages, Bytes: &size})
	if err != nil {
		return err
	}
	for got := uint32(0); ; got++ {
		message, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			if got != messages {
				return fmt.Errorf("asked for %d messages, got %d", messages, got)
			}
			return nil
		}
		if err != nil && got == 0 {
			return err // with its code
		}
		if err != nil {
			return fmt.Errorf("message %d: %w", got, err)
		}
		if len(message.Payload) != int(size) {
			return fmt.Errorf("message %d has %d bytes instead of %d", got, len(message.Payload), size)
		}
		if got == 0 {
			time.Sleep(wait)
		}
	}
}

func pingPong(ctx context.Context, calls diagnostics.DiagnosticsClient, messages int) error {
	stream, err := calls.EchoStream(ctx)
	if err != nil {
		return err
	}
	for i := 0; i < messages; i++ {
		payload := []byte(fmt.Sprintf("message %d", i))
		if err := stream.Send(&diagnostics.EchoMessage{Payload: payload}); err != nil {
			return err
		}
		answer, err := stream.Recv()
		if err != nil {
			return fmt.Errorf("message %d: %w", i, err)
		}
		if !bytes.Equal(answer.Payload, payload) {
			return fmt.Errorf("sent %q, got %q", payload, answer.Payload)
		}
	}
	if err := stream.CloseSend(); err != nil {
		return err
	}
	if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%v instead of the stream's end", err)
	}
	return nil
}

func bothWays(ctx context.Context, calls diagnostics.DiagnosticsClient, messages int) error {
	stream, err := calls.EchoStream(ctx)
	if err != nil {
		return err
	}
	sent := make(chan error, 1)
	go func() {
		for i := 0; i < messages; i++ {
			if err := stream.Send(&diagnostics.EchoMessage{Payload: bytes.Repeat([]byte{byte(i)}, 1000+i)}); err != nil {
				sent <- err
				return
			}
		}
		sent <- stream.CloseSend()
	}()
	for i := 0; i < messages; i++ {
		answer, err := stream.Recv()
		if err != nil {
			return fmt.Errorf("message %d: %w", i, err)
		}
		if !bytes.Equal(answer.Payload, bytes.Repeat([]byte{byte(i)}, 1000+i)) {
			return fmt.Errorf("message %d came back different, or out of order", i)
		}
	}
	if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%v instead of the stream's end", err)
	}
	return <-sent
}

// pause: this client's reader stops when a stream is not read, so another connection shows that the server goes on.
func pause(ctx context.Context, socket string, others diagnostics.DiagnosticsClient) error {
	slow := connect(socket)
	defer slow.Close()
	done := make(chan error, 1)
	go func() {
		done <- generate(ctx, diagnostics.NewDiagnosticsClient(slow), 500, chunk, 500*time.Millisecond)
	}()
	for i := 0; i < 1000; i++ {
		if err := echoed(ctx, others, []byte("quick")); err != nil {
			return err
		}
	}
	return <-done
}

func checkHealth(ctx context.Context, client health.HealthClient) error {
	answer, err := client.Check(ctx, &health.HealthCheckRequest{})
	if err != nil {
		return err
	}
	all, err := client.List(ctx, &health.HealthListRequest{})
	if err != nil {
		return err
	}
	stream, err := client.Watch(ctx, &health.HealthCheckRequest{})
	if err != nil {
		return err
	}
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	for _, found := range []*health.HealthCheckResponse{answer, all.Statuses[""], first} {
		if found.GetStatus() != health.HealthCheckResponse_SERVING {
			return fmt.Errorf("status is %v", found.GetStatus())
		}
	}
	return nil
}

func expired(ctx context.Context, calls diagnostics.DiagnosticsClient) error {
	short, cancel := context.WithTimeout(ctx, time.Nanosecond)
	defer cancel()
	if _, err := calls.Echo(short, &diagnostics.EchoMessage{}); err == nil {
		return errors.New("the call succeeded")
	}
	return echoed(ctx, calls, []byte("the connection lives on"))
}

func givenUp(ctx context.Context, client health.HealthClient, calls diagnostics.DiagnosticsClient) error {
	short, cancel := context.WithCancel(ctx)
	stream, err := client.Watch(short, &health.HealthCheckRequest{})
	if err != nil {
		cancel()
		return err
	}
	if _, err := stream.Recv(); err != nil {
		cancel()
		return err
	}
	cancel()
	if _, err := stream.Recv(); err == nil {
		return errors.New("the stream goes on")
	}
	return echoed(ctx, calls, []byte("the connection lives on"))
}

func unimplemented(ctx context.Context, client *ttrpc.Client) error {
	message := &diagnostics.EchoMessage{}
	for _, name := range [][2]string{{"fnrpc.v1.Diagnostics", "NoSuchMethod"}, {"no.such.Service", "Echo"}} {
		if err := expect(codes.Unimplemented, client.Call(ctx, name[0], name[1], message, message)); err != nil {
			return err
		}
		stream, err := client.NewStream(ctx, &ttrpc.StreamDesc{StreamingServer: true}, name[0], name[1], message)
		if err == nil {
			err = stream.RecvMsg(message)
		}
		if err := expect(codes.Unimplemented, err); err != nil {
			return fmt.Errorf("as a stream: %w", err)
		}
	}
	return nil
}

func concurrent(ctx context.Context, calls diagnostics.DiagnosticsClient) error {
	begin := time.Now()
	err := together(80, func(number int) error {
		if number >= 64 {
			return pingPong(ctx, calls, 200)
		}
		for call := 0; call < 500; call++ {
			if err := echoed(ctx, calls, []byte(fmt.Sprintf("caller %d call %d", number, call))); err != nil {
				return fmt.Errorf("call %d: %w", call, err)
			}
		}
		return nil
	})
	fmt.Printf("   64 x 500 calls and 16 x 200 messages: %.0f ms\n", float64(time.Since(begin).Microseconds())/1000)
	return err
}

func daemonSuite(socket string) {
	client := connect(socket)
	defer client.Close()
	calls := diagnostics.NewDiagnosticsClient(client)
	step("unknown functions are NotFound", func(ctx context.Context) error {
		app, function := "no-such-app", "no-such-function"
		_, err := invocation.NewInvocationClient(client).Invoke(ctx, &invocation.InvokeRequest{App: &app, Function: &function})
		return expect(codes.NotFound, err)
	})
	for _, sizes := range [][2]uint32{{1_000_001, 0}, {1, 256<<10 + 1}} {
		sizes := sizes
		step(fmt.Sprintf("Generate of %d messages of %d bytes is InvalidArgument", sizes[0], sizes[1]), func(ctx context.Context) error {
			return expect(codes.InvalidArgument, generate(ctx, calls, sizes[0], sizes[1], 0))
		})
	}
	// A million would be 61 GiB here. Closing the connection must end it; the daemon's own tests look at its memory.
	step("a caller that leaves in the middle of Generate harms nobody", func(ctx context.Context) error {
		leaver := connect(socket)
		messages, size := uint32(1_000_000), uint32(chunk)
		stream, err := diagnostics.NewDiagnosticsClient(leaver).Generate(ctx, &diagnostics.GenerateRequest{Messages: &messages, Bytes: &size})
		if err != nil {
			return err
		}
		if _, err := stream.Recv(); err != nil {
			return err
		}
		leaver.Close()
		return echoed(ctx, calls, []byte("the others live on"))
	})
}
