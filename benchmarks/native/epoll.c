/* The floor of socket-to-strategy: one epoll loop over ready WebSocket connections, the kernel's
 * own frame reader, books and a subscriber called through a pointer; no Python anywhere. */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ages.h"
#include "floor_book.h"

enum { ROOM = 1 << 16, PART = 1 << 13, PADDING = 256, EVENTS = 64 };

/* A connection, with the piece of a message that has come so far. */
typedef struct {
    int fd;
    int64_t held;
    uint8_t part[PART];
} line;

/* All connections are read into this one, so that it stays in the cache. */
static uint8_t received[ROOM + PADDING];

typedef struct {
    ages_log *log;
    const char *stamp; /* of the message being handled */
} watcher;

static void see_trade(void *self, const aegis_trade *trade, floor_book *book)
{
    (void)trade, (void)book;
    ages_note(((watcher *)self)->log, ((watcher *)self)->stamp);
}

static void see_depth(void *self, const aegis_depth *depth, floor_book *book)
{
    (void)depth, (void)book;
    ages_note(((watcher *)self)->log, ((watcher *)self)->stamp);
}

/* Handle every whole message of what was received and keep the rest; -1 if a data frame was refused
 * or a message is longer than PART. */
static int take_messages(line *one, int64_t have, floor_feed *feed)
{
    watcher *seen = feed->self;
    const int64_t now_ns = wall_ns();
    int64_t at = 0;
    int status = 0;
    while (have - at >= 2) {
        const uint8_t *p = received + at;
        int64_t size = p[1], start = 2;
        if (size == 126) {
            if (have - at < 4)
                break;
            size = p[2] << 8 | p[3];
            start = 4;
        } else if (size == 127) {
            if (have - at < 10)
                break;
            size = 0;
            for (int i = 2; i < 10; i++)
                size = size << 8 | p[i];
            start = 10;
        }
        if (have - at < start + size)
            break;
        if (size > STAMP_DIGITS && p[start] == '0') {
            seen->stamp = (const char *)p + start + size - STAMP_DIGITS;
            status |= floor_message(feed, p + start, size, now_ns);
        }
        at += start + size;
    }
    if (have - at > PART)
        return -1;
    one->held = have - at;
    memcpy(one->part, received + at, (size_t)one->held);
    return status;
}

/* Receive until end_ns. Returns 0; -1 a frame was refused, -2 a connection ended, -3 no memory or
 * no epoll. */
int epoll_run(const int *fds, int count, int is_spinning, ages_log *log, int64_t end_ns)
{
    struct epoll_event events[EVENTS];
    line *lines = calloc((size_t)count, sizeof *lines);
    floor_feed *feed = calloc(1, sizeof *feed);
    const int poller = epoll_create1(0);
    watcher seen = {log, NULL};
    int status = lines == NULL || feed == NULL || poller < 0 ? -3 : 0;
    for (int i = 0; status == 0 && i < count; i++) {
        struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = &lines[i]};
        lines[i].fd = fds[i];
        status = epoll_ctl(poller, EPOLL_CTL_ADD, fds[i], &wanted) == 0 ? 0 : -3;
    }
    if (feed != NULL) {
        feed->on_trade = see_trade;
        feed->on_depth = see_depth;
        feed->self = &seen;
    }
    while (status == 0 && wall_ns() < end_ns) {
        const int ready = epoll_wait(poller, events, EVENTS, is_spinning ? 0 : 20);
        for (int i = 0; i < ready; i++) {
            line *one = events[i].data.ptr;
            memcpy(received, one->part, (size_t)one->held);
            const ssize_t got =
                recv(one->fd, received + one->held, (size_t)(ROOM - one->held), MSG_DONTWAIT);
            if (got > 0) {
                status |= take_messages(one, one->held + got, feed) == 0 ? 0 : -1;
            } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
                status = -2;
            }
        }
    }
    if (poller >= 0)
        close(poller);
    free(lines);
    free(feed);
    return status;
}
