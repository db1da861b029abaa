package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"stubs/echo"
)

// echoSuite calls the service that examples/echo-ttrpc, a function in C, serves under its own name.
func echoSuite(socket string) {
	client := connect(socket)
	defer client.Close()
	calls := echo.NewEchoClient(client)

	step("echo.v1.Echo: Unary", func(ctx context.Context) error {
		answer, err := calls.Unary(ctx, &echo.Message{Text: "hello", Count: 3})
		if err != nil {
			return err
		}
		if answer.Text != "hello" || answer.Count != 3 {
			return fmt.Errorf("got %v", answer)
		}
		return nil
	})
	step("echo.v1.Echo: ServerStream", func(ctx context.Context) error {
		stream, err := calls.ServerStream(ctx, &echo.Message{Text: "again", Count: 100})
		if err != nil {
			return err
		}
		for number := uint64(1); ; number++ {
			answer, err := stream.Recv()
			if errors.Is(err, io.EOF) && number == 101 {
				return nil
			}
			if err != nil {
				return fmt.Errorf("message %d: %v", number, err)
			}
			if answer.Text != "again" || answer.Count != number {
				return fmt.Errorf("message %d is %v", number, answer)
			}
		}
	})
	step("echo.v1.Echo: ClientStream", func(ctx context.Context) error {
		stream, err := calls.ClientStream(ctx)
		if err != nil {
			return err
		}
		for number := 0; number < 100; number++ {
			if err := stream.Send(&echo.Message{Text: "12345"}); err != nil {
				return err
			}
		}
		summary, err := stream.CloseAndRecv()
		if err != nil {
			return err
		}
		if summary.Messages != 100 || summary.Bytes != 500 {
			return fmt.Errorf("counted %v", summary)
		}
		return nil
	})
	step("echo.v1.Echo: Bidi", func(ctx context.Context) error {
		stream, err := calls.Bidi(ctx)
		if err != nil {
			return err
		}
		for number := uint64(0); number < 100; number++ {
			if err := stream.Send(&echo.Message{Text: "both ways", Count: number}); err != nil {
				return err
			}
			answer, err := stream.Recv()
			if err != nil {
				return err
			}
			if answer.Count != number {
				return fmt.Errorf("message %d came back as %d", number, answer.Count)
			}
		}
		if err := stream.CloseSend(); err != nil {
			return err
		}
		if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
			return fmt.Errorf("%v instead of the stream's end", err)
		}
		return nil
	})
}
