/*
 * A function of Fn's format http: it stays, reads HTTP/1.1 requests on standard input, and writes the answers to standard
 * output. Unary calls say their length; those of InvokeStream come in chunks unless the caller gave a content-length.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MAX_BODY = 1 << 20 };

static char body[MAX_BODY];

/* Reads `count` bytes to the end of `body`; 0 if they are there and fit. */
static int take(size_t count, size_t *size)
{
    if (count > sizeof body - *size || fread(body + *size, 1, count, stdin) != count)
        return -1;
    *size += count;
    return 0;
}

/* Reads the body of a request whose head has been read. */
static int read_body(long length, size_t *size)
{
    char line[256];
    *size = 0;
    if (length >= 0)
        return take((size_t)length, size);
    while (fgets(line, sizeof line, stdin)) {
        size_t count = strtoul(line, NULL, 16);
        if (take(count, size) != 0 || !fgets(line, sizeof line, stdin))
            return -1;
        if (count == 0)
            return 0;
    }
    return -1;
}

int main(void)
{
    char line[16384];
    char target[8192] = "";
    while (fgets(line, sizeof line, stdin)) {
        long length = -1;
        char id[64] = "";
        if (sscanf(line, "%*31s %8191s", target) != 1)
            return 1;
        while (fgets(line, sizeof line, stdin) && strcmp(line, "\r\n") != 0) {
            if (strncasecmp(line, "Content-Length:", 15) == 0)
                length = strtol(line + 15, NULL, 10);
            else if (strncasecmp(line, "Fn_call_id:", 11) == 0)
                sscanf(line + 11, "%63s", id);
        }
        size_t size;
        if (read_body(length, &size) != 0)
            return 1;
        fprintf(stderr, "call %s of %s\n", id, target);
        const char *name = size > 0 ? body : "world";
        size_t name_size = size > 0 ? size : 5;
        printf("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n\r\nHello, ", name_size + 9);
        fwrite(name, 1, name_size, stdout);
        printf("!\n");
        fflush(stdout);
    }
    return 0;
}
