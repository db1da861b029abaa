package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"google.golang.org/grpc/codes"

	"stubs/greeter"
)

func greeterSuite(socket string) {
	client := connect(socket)
	defer client.Close()
	calls := greeter.NewGreeterClient(client)

	step("Greeter: unary", func(ctx context.Context) error { return greet(ctx, calls, "Ada", nil) })
	step("Greeter: unary with 1 MiB", func(ctx context.Context) error { return greet(ctx, calls, "Ada", bytes.Repeat([]byte("x"), 1<<20)) })
	step("Greeter: the function's own error keeps its code", func(ctx context.Context) error {
		_, err := calls.Greet(ctx, &greeter.Greeting{Name: "refuse"})
		return expect(codes.FailedPrecondition, err)
	})
	step("Greeter: client streaming", func(ctx context.Context) error { return gather(ctx, calls, 1000) })
	step("Greeter: client streaming of nothing", func(ctx context.Context) error { return gather(ctx, calls, 0) })
	step("Greeter: client streaming that ends early", func(ctx context.Context) error {
		stream, err := calls.Gather(ctx)
		if err != nil {
			return err
		}
		if err := stream.Send(&greeter.Greeting{Name: "refuse"}); err != nil {
			return err
		}
		_, err = stream.CloseAndRecv()
		return expect(codes.FailedPrecondition, err)
	})
	step("Greeter: server streaming", func(ctx context.Context) error { return repeat(ctx, calls, "again", 1000, nil) })
	step("Greeter: server streaming of 64 KiB each", func(ctx context.Context) error { return repeat(ctx, calls, "again", 200, make([]byte, chunk)) })
	step("Greeter: server streaming that breaks off", func(ctx context.Context) error {
		return expect(codes.Aborted, repeat(ctx, calls, "break", 3, nil))
	})
	step("Greeter: bidirectional", func(ctx context.Context) error { return chat(ctx, calls, 500) })
	step("Greeter: unknown method is Unimplemented", func(ctx context.Context) error {
		return expect(codes.Unimplemented, client.Call(ctx, "interop.v1.Greeter", "NoSuchMethod", &greeter.Greeting{}, &greeter.Greeting{}))
	})
	step("Greeter: 64 callers on one connection", func(ctx context.Context) error {
		return together(64, func(number int) error {
			for call := 0; call < 100; call++ {
				if err := greet(ctx, calls, fmt.Sprintf("caller %d call %d", number, call), nil); err != nil {
					return err
				}
			}
			return chat(ctx, calls, 20)
		})
	})
}

func greet(ctx context.Context, calls greeter.GreeterClient, name string, padding []byte) error {
	answer, err := calls.Greet(ctx, &greeter.Greeting{Name: name, Number: 7, Padding: padding})
	if err != nil {
		return err
	}
	if answer.Name != "Hello, "+name || answer.Number != 7 || !bytes.Equal(answer.Padding, padding) {
		return fmt.Errorf("greeted %q, got %q", name, answer.Name)
	}
	return nil
}

func gather(ctx context.Context, calls greeter.GreeterClient, count int) error {
	stream, err := calls.Gather(ctx)
	if err != nil {
		return err
	}
	for number := 0; number < count; number++ {
		if err := stream.Send(&greeter.Greeting{Name: "x", Number: int64(number)}); err != nil {
			return err
		}
	}
	sum, err := stream.CloseAndRecv()
	if err != nil {
		return err
	}
	if want := int64(count * (count - 1) / 2); sum.Number != want || len(sum.Name) != count {
		return fmt.Errorf("sum %d of %d names instead of %d of %d", sum.Number, len(sum.Name), want, count)
	}
	return nil
}

func repeat(ctx context.Context, calls greeter.GreeterClient, name string, count int64, padding []byte) error {
	stream, err := calls.Repeat(ctx, &greeter.Greeting{Name: name, Number: count, Padding: padding})
	if err != nil {
		return err
	}
	for number := int64(0); ; number++ {
		answer, err := stream.Recv()
		if errors.Is(err, io.EOF) && number == count {
			return nil
		}
		if err != nil {
			if number != count {
				return fmt.Errorf("after %d of %d messages: %v", number, count, err)
			}
			return err
		}
		if answer.Number != number || len(answer.Padding) != len(padding) {
			return fmt.Errorf("message %d says %d, with %d bytes", number, answer.Number, len(answer.Padding))
		}
	}
}

func chat(ctx context.Context, calls greeter.GreeterClient, count int) error {
	stream, err := calls.Chat(ctx)
	if err != nil {
		return err
	}
	for number := 0; number < count; number++ {
		if err := stream.Send(&greeter.Greeting{Name: "chat", Number: int64(number)}); err != nil {
			return err
		}
		answer, err := stream.Recv()
		if err != nil {
			return err
		}
		if answer.Number != int64(number) {
			return fmt.Errorf("message %d came back as %d", number, answer.Number)
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
