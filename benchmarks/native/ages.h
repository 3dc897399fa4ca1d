/* How old messages are when they reach the strategy: one log for every receiver, so that all are
 * measured by the same few instructions. All samples are kept, in buckets under 0.8 % wide.
 * histogram.py reads the counts. */
#ifndef AEGIS_AGES_H
#define AEGIS_AGES_H

#include <stdint.h>
#include <time.h>

enum {
    AGES_FINE = 128,            /* buckets for each power of two */
    AGES_SIZE = 34 * AGES_FINE, /* up to 2^40 ns, 18 minutes */
    AGES_PHASES = 3,            /* paced, bursts, as fast as possible */
    STAMP_DIGITS = 19,
};

/* A message counts for the phase in which it arrives; outside of them it is ignored. */
typedef struct {
    int64_t begin_ns[AGES_PHASES];
    int64_t end_ns[AGES_PHASES];
    int64_t messages[AGES_PHASES];
    int64_t ages[AGES_PHASES][AGES_SIZE];
} ages_log;

static inline int64_t wall_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static inline int32_t ages_bucket(int64_t age_ns)
{
    if (age_ns < 2 * AGES_FINE)
        return age_ns < 0 ? 0 : (int32_t)age_ns;
    const int shift = 63 - __builtin_clzll((uint64_t)age_ns) - 7;
    const int64_t bucket = (int64_t)shift * AGES_FINE + (age_ns >> shift);
    return bucket < AGES_SIZE ? (int32_t)bucket : AGES_SIZE - 1;
}

/* The smallest age that falls into a bucket. */
static inline int64_t ages_floor_ns(int32_t bucket)
{
    if (bucket < 2 * AGES_FINE)
        return bucket;
    const int shift = bucket / AGES_FINE - 1;
    return (int64_t)(bucket - shift * AGES_FINE) << shift;
}

/* Take one message whose last 19 bytes are its stamp; zeros: it is counted only. */
static inline void ages_note(ages_log *log, const char *stamp)
{
    const int64_t now_ns = wall_ns();
    int64_t sent_ns = 0;
    for (int i = 0; i < STAMP_DIGITS; i++)
        sent_ns = sent_ns * 10 + (stamp[i] - '0');
    for (int phase = 0; phase < AGES_PHASES; phase++)
        if (now_ns >= log->begin_ns[phase] && now_ns < log->end_ns[phase]) {
            log->messages[phase]++;
            if (sent_ns != 0)
                log->ages[phase][ages_bucket(now_ns - sent_ns)]++;
            return;
        }
}

#endif
