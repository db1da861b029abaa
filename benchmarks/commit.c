/* Floor of creates: SQLite, one transaction for each row, one after the other.
 *
 * Threads share one connection (WAL, synchronous = FULL) under a mutex, and each waits for its row to be on disk before it
 * goes on to the next: what a daemon without group commit would do at best. A row has the size of a function's, a primary
 * key and an index. Prints one line of JSON.
 */
#define _GNU_SOURCE
#include "latency.h"
#include "wire.h"
#include <pthread.h>
#include <sqlite3.h>

static sqlite3 *database;
static sqlite3_stmt *insert;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct latency latency;
static uint64_t limit, started;
static size_t row_size;

static void check(int code, int wanted) {
    if (code == wanted) return;
    fprintf(stderr, "commit: %s\n", database ? sqlite3_errmsg(database) : "SQLite failed");
    exit(1);
}

static void run(const char *statement) { check(sqlite3_exec(database, statement, NULL, NULL, NULL), SQLITE_OK); }

/* Ids rise with time, as the daemon's do. */
static void commit_row(uint64_t number, const uint8_t *body) {
    char id[27], key[32];
    snprintf(id, sizeof id, "01K%023llX", (unsigned long long)number);
    snprintf(key, sizeof key, "function-%llu", (unsigned long long)number);
    run("BEGIN IMMEDIATE");
    check(sqlite3_bind_text(insert, 1, id, -1, SQLITE_TRANSIENT), SQLITE_OK);
    check(sqlite3_bind_text(insert, 2, key, -1, SQLITE_TRANSIENT), SQLITE_OK);
    check(sqlite3_bind_blob(insert, 3, body, (int)row_size, SQLITE_STATIC), SQLITE_OK);
    check(sqlite3_step(insert), SQLITE_DONE);
    check(sqlite3_reset(insert), SQLITE_OK);
    run("COMMIT");
}

static void *caller(void *body) {
    for (;;) {
        uint64_t begin = now_nanos();
        pthread_mutex_lock(&lock);
        bool more = started < limit;
        if (more) {
            commit_row(started++, body);
            latency_record(&latency, now_nanos() - begin);
        }
        pthread_mutex_unlock(&lock);
        if (!more) return NULL;
    }
}

int main(int count, char **values) {
    if (count != 5) {
        fprintf(stderr, "usage: commit FILE CALLERS ROWS ROW-BYTES\n");
        return 2;
    }
    size_t callers = strtoul(values[2], NULL, 10);
    limit = strtoull(values[3], NULL, 10);
    row_size = strtoul(values[4], NULL, 10);
    if (!callers || callers > 64 || !limit || row_size > MAX_FRAME) fail("arguments");
    check(sqlite3_open(values[1], &database), SQLITE_OK);
    run("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
        "CREATE TABLE rows (id TEXT NOT NULL PRIMARY KEY, key TEXT NOT NULL, body BLOB NOT NULL) STRICT, WITHOUT ROWID;"
        "CREATE UNIQUE INDEX by_key ON rows (key);");
    check(sqlite3_prepare_v2(database, "INSERT INTO rows VALUES (?, ?, ?)", -1, &insert, NULL), SQLITE_OK);
    uint8_t *body = checked(malloc(row_size + 1));
    memset(body, 'b', row_size);
    pthread_t threads[64];
    uint64_t begin = now_nanos();
    for (size_t i = 0; i < callers; i++)
        if (pthread_create(&threads[i], NULL, caller, body)) fail("pthread_create");
    for (size_t i = 0; i < callers; i++) pthread_join(threads[i], NULL);
    double seconds = (double)(now_nanos() - begin) / 1e9;
    printf("{\"calls\":%llu,\"seconds\":%.3f,\"rate\":%.0f,\"p50_us\":%.2f,\"p99_us\":%.2f,\"callers\":%zu}\n",
           (unsigned long long)limit, seconds, (double)limit / seconds, latency_micros(&latency, 0.5),
           latency_micros(&latency, 0.99), callers);
    sqlite3_finalize(insert);
    return sqlite3_close(database) != SQLITE_OK;
}
