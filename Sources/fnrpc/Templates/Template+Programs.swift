extension Template {
    private static let compile = "cc -O2 -Wall -o func func.c"

    /// A program, started for every call.
    static func program(_ name: String) -> Template {
        Template(
            files: [
                File(
                    name: "func.yaml",
                    content: """
                        name: \(name)
                        runtime: binary
                        entry: func           # made by: \(compile)
                        memory: 16            # MiB
                        timeout: 30           # seconds

                        """),
                File(
                    name: "func.c",
                    content: #"""
                        /* Standard input is the body, standard output the reply, standard error the log. */
                        #include <stdio.h>

                        int main(void)
                        {
                            char name[1024];
                            size_t length = fread(name, 1, sizeof name, stdin);

                            fprintf(stderr, "called with %zu bytes\n", length);
                            printf("Hello %.*s\n", length ? (int)length : 5, length ? name : "World");
                            return 0;
                        }

                        """#),
                File(name: ".fnrpcignore", content: "*.c\n"),
                readme(
                    name,
                    """
                    `func` runs once for every call: standard input is the body, standard output the reply, standard
                    error the call's log. An exit code other than 0 is a failed call.
                    """, build: compile, body: "Ada"),
            ], build: compile)
    }

    /// A program that stays and serves calls over ttrpc.
    static func ttrpcProgram(_ name: String) -> Template {
        Template(
            files: [
                File(
                    name: "func.yaml",
                    content: """
                        name: \(name)
                        runtime: binary
                        entry: func           # made by: \(compile)
                        format: ttrpc         # stays, and answers many calls
                        memory: 32            # MiB
                        timeout: 30           # seconds

                        """),
                File(name: "func.c", content: ttrpcSource),
                File(name: ".fnrpcignore", content: "*.c\n"),
                readme(
                    name,
                    """
                    `func` serves `fnrpc.function.v1.Function/Call` (proto/fnrpc/function/v1/function.proto of fnrpc) on
                    the Unix socket in FNRPC_LISTENER. `answer` in `func.c` is the place for your code.
                    """, build: compile, body: "Ada"),
            ], build: compile)
    }

    private static let ttrpcSource = #"""
        /*
         * A function of format ttrpc without any library. A frame is 10 bytes of header (length and stream id,
         * big-endian, then type and flags) and a protobuf message: Request{service=1, method=2, payload=3} comes in,
         * Response{payload=2} goes out. The payloads are CallRequest{payload=1} and CallResponse{payload=1,
         * content_type=2}.
         */
        #include <arpa/inet.h>
        #include <pthread.h>
        #include <stdint.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <sys/socket.h>
        #include <sys/un.h>
        #include <unistd.h>

        enum { HEADER = 10, LIMIT = 4 << 20, REQUEST = 1, RESPONSE = 2 };

        struct slice {
            const uint8_t *data;
            size_t length;
        };

        /* Your code: writes at most `room` bytes of reply, returns how many. */
        static size_t answer(struct slice body, char *reply, size_t room)
        {
            int length = body.length > 1000 ? 1000 : (int)body.length;

            return (size_t)snprintf(reply, room, "Hello %.*s\n", length ? length : 5,
                                    length ? (const char *)body.data : "World");
        }

        static int read_all(int fd, void *to, size_t length)
        {
            for (uint8_t *at = to; length > 0;) {
                ssize_t count = read(fd, at, length);
                if (count <= 0)
                    return -1;
                at += count;
                length -= (size_t)count;
            }
            return 0;
        }

        static int write_all(int fd, const void *from, size_t length)
        {
            for (const uint8_t *at = from; length > 0;) {
                ssize_t count = send(fd, at, length, MSG_NOSIGNAL);
                if (count <= 0)
                    return -1;
                at += count;
                length -= (size_t)count;
            }
            return 0;
        }

        static int read_varint(struct slice *from, uint64_t *value)
        {
            *value = 0;
            for (int shift = 0; shift < 64 && from->length > 0; shift += 7) {
                uint8_t byte = *from->data++;
                from->length--;
                *value |= (uint64_t)(byte & 0x7f) << shift;
                if (byte < 0x80)
                    return 0;
            }
            return -1;
        }

        /* The last field `number` of a message; empty if there is none. */
        static struct slice find(struct slice message, unsigned number)
        {
            struct slice found = {0};
            uint64_t tag, value;

            while (message.length > 0 && read_varint(&message, &tag) == 0) {
                size_t skip = 0;
                switch (tag & 7) {
                case 0:
                    if (read_varint(&message, &value) != 0)
                        return found;
                    break;
                case 1:
                    skip = 8;
                    break;
                case 2:
                    if (read_varint(&message, &value) != 0 || value > message.length)
                        return found;
                    if (tag >> 3 == number)
                        found = (struct slice){message.data, value};
                    skip = value;
                    break;
                case 5:
                    skip = 4;
                    break;
                default:
                    return found;
                }
                if (skip > message.length)
                    return found;
                message.data += skip;
                message.length -= skip;
            }
            return found;
        }

        /* Appends a bytes field; lengths here fit into two bytes of varint. */
        static size_t put(uint8_t *to, unsigned number, const void *from, size_t length)
        {
            to[0] = (uint8_t)(number << 3 | 2);
            to[1] = (uint8_t)(length & 0x7f) | 0x80;
            to[2] = (uint8_t)(length >> 7);
            memcpy(to + 3, from, length);
            return length + 3;
        }

        static int serve_call(int fd, uint32_t stream, struct slice request)
        {
            static const char type[] = "text/plain";
            char reply[2048];
            uint8_t call[4096], frame[8192];
            struct slice body = find(find(request, 3), 1);
            size_t length = answer(body, reply, sizeof reply);
            size_t inner = put(call, 1, reply, length < sizeof reply ? length : sizeof reply - 1);

            inner += put(call + inner, 2, type, sizeof type - 1);
            uint32_t outer = (uint32_t)put(frame + HEADER, 2, call, inner);
            uint32_t header[2] = {htonl(outer), stream};
            memcpy(frame, header, sizeof header);
            frame[8] = RESPONSE;
            frame[9] = 0;
            return write_all(fd, frame, HEADER + outer);
        }

        static void *serve(void *argument)
        {
            int fd = (int)(intptr_t)argument;
            uint8_t header[HEADER];
            uint8_t *data = malloc(LIMIT);

            while (data && read_all(fd, header, HEADER) == 0) {
                uint32_t length, stream;
                memcpy(&length, header, 4);
                memcpy(&stream, header + 4, 4);
                length = ntohl(length);
                if (length > LIMIT || read_all(fd, data, length) != 0)
                    break;
                if (header[8] == REQUEST && serve_call(fd, stream, (struct slice){data, length}) != 0)
                    break;
            }
            free(data);
            close(fd);
            return NULL;
        }

        int main(void)
        {
            const char *listener = getenv("FNRPC_LISTENER");
            struct sockaddr_un address = {.sun_family = AF_UNIX};
            int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

            if (!listener || strncmp(listener, "unix:", 5) != 0 || strlen(listener + 5) >= sizeof address.sun_path) {
                fputs("FNRPC_LISTENER: not unix:PATH\n", stderr);
                return 1;
            }
            strcpy(address.sun_path, listener + 5);
            if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 16) != 0) {
                perror(address.sun_path);
                return 1;
            }
            for (;;) {
                pthread_t thread;
                int peer = accept(fd, NULL, NULL);
                if (peer < 0)
                    continue;
                if (pthread_create(&thread, NULL, serve, (void *)(intptr_t)peer) != 0) {
                    close(peer);
                    continue;
                }
                pthread_detach(thread);
            }
        }

        """#
}
