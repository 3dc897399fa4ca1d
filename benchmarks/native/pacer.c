/* The sender of socket-to-strategy: WebSocket frames at an even pace, in bursts, and as fast as
 * they are taken, each stamped with the wall clock in its last 19 digits as it is sent. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "ages.h"

/* Whole WebSocket messages one after the other: message i lies at starts[i] .. starts[i + 1]. The
 * first `each` are the first connection's, and so on. */
typedef struct {
    uint8_t *bytes;
    const int64_t *starts;
    int64_t each;
} messages;

static void write_stamp(uint8_t *end, int64_t value)
{
    for (int i = 1; i <= STAMP_DIGITS; i++, value /= 10)
        end[-i] = (uint8_t)('0' + value % 10);
}

/* 0, or -1 when the receiver is gone or end_ns passes before it takes the bytes. */
static int send_all(int fd, const uint8_t *data, int64_t size, int64_t end_ns)
{
    while (size > 0) {
        const ssize_t sent = send(fd, data, (size_t)size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0) {
            data += sent;
            size -= sent;
        } else if ((errno != EAGAIN && errno != EINTR) || wall_ns() > end_ns) {
            return -1;
        }
    }
    return 0;
}

/* Every gap_ns send `burst` messages in one piece to one connection, the connections in turn; only
 * the last of a burst has a stamp, the others zeros. Spins between: it needs a core of its own.
 * Returns the number of messages, -1 when a receiver falls behind. */
int64_t pacer_paced(const int *fds, int64_t lines, messages *from, int64_t burst, int64_t gap_ns,
                    int64_t begin_ns, int64_t end_ns)
{
    int64_t sent = 0;
    for (int64_t turn = 0;; turn++) {
        const int64_t due_ns = begin_ns + turn * gap_ns;
        if (due_ns >= end_ns)
            return sent;
        int64_t now_ns;
        while ((now_ns = wall_ns()) < due_ns)
            ;
        if (now_ns >= end_ns)
            return sent;
        const int64_t line = turn % lines;
        const int64_t first = line * from->each + turn / lines * burst % (from->each - burst + 1);
        for (int64_t i = first; i < first + burst; i++)
            write_stamp(from->bytes + from->starts[i + 1], i == first + burst - 1 ? wall_ns() : 0);
        if (send_all(fds[line], from->bytes + from->starts[first],
                     from->starts[first + burst] - from->starts[first], end_ns) != 0)
            return -1;
        sent += burst;
    }
}

/* Keep every connection full until end_ns, unstamped. Returns the bytes sent, -1 on an error. */
int64_t pacer_flood(const int *fds, int64_t lines, messages *from, int64_t begin_ns, int64_t end_ns)
{
    int64_t at[1024] = {0}, sent_bytes = 0;
    for (int64_t i = 0; i < lines * from->each; i++)
        write_stamp(from->bytes + from->starts[i + 1], 0);
    while (wall_ns() < begin_ns)
        ;
    while (wall_ns() < end_ns)
        for (int64_t i = 0; i < lines; i++) {
            const int64_t begin = from->starts[i * from->each];
            const int64_t total = from->starts[(i + 1) * from->each] - begin;
            const ssize_t sent = send(fds[i], from->bytes + begin + at[i], (size_t)(total - at[i]),
                                      MSG_NOSIGNAL | MSG_DONTWAIT);
            if (sent > 0) {
                at[i] = (at[i] + sent) % total;
                sent_bytes += sent;
            } else if (errno != EAGAIN && errno != EINTR) {
                /* The receiver leaves at end_ns, maybe a moment before this looks at the clock. */
                return wall_ns() < end_ns ? -1 : sent_bytes;
            }
        }
    return sent_bytes;
}
