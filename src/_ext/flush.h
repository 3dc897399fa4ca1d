/* A thread that waits for the disk and never for the interpreter: one fdatasync for all requests
 * that came since the last one began. Completions are told through an eventfd. */
#ifndef AEGIS_FLUSH_H
#define AEGIS_FLUSH_H

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t thread;
    uint64_t requested;
    uint64_t done;
    int file_fd;
    int event_fd;
    int error;
    int is_ending;
} aegis_flush_t;

static void *aegis_flush_loop(void *argument) {
    aegis_flush_t *flush = (aegis_flush_t *)argument;
    const uint64_t one = 1;
    pthread_mutex_lock(&flush->lock);
    /* The end comes only after all that was requested; an error is final: what the kernel could not
     * write may be gone from its cache, and a second fdatasync would say that all is well. */
    while (!flush->error) {
        if (flush->requested == flush->done) {
            if (flush->is_ending)
                break;
            pthread_cond_wait(&flush->wake, &flush->lock);
            continue;
        }
        const uint64_t target = flush->requested;
        pthread_mutex_unlock(&flush->lock);
        const int error = fdatasync(flush->file_fd) == 0 ? 0 : errno;
        pthread_mutex_lock(&flush->lock);
        if (error)
            flush->error = error;
        else
            flush->done = target;
        /* Never blocks: the counter would have to reach 2^64. */
        const ssize_t told = write(flush->event_fd, &one, sizeof one);
        (void)told;
    }
    pthread_mutex_unlock(&flush->lock);
    return NULL;
}

/* Returns 0 or an errno. The descriptors stay the caller's. */
static int aegis_flush_start(aegis_flush_t *flush, int file_fd, int event_fd) {
    sigset_t all, before;
    flush->requested = flush->done = 0;
    flush->error = flush->is_ending = 0;
    flush->file_fd = file_fd;
    flush->event_fd = event_fd;
    pthread_mutex_init(&flush->lock, NULL);
    pthread_cond_init(&flush->wake, NULL);
    /* Signals belong to the interpreter's own threads. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int error = pthread_create(&flush->thread, NULL, aegis_flush_loop, flush);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error) {
        pthread_cond_destroy(&flush->wake);
        pthread_mutex_destroy(&flush->lock);
    }
    return error;
}

static uint64_t aegis_flush_request(aegis_flush_t *flush) {
    pthread_mutex_lock(&flush->lock);
    const uint64_t number = ++flush->requested;
    pthread_cond_signal(&flush->wake);
    pthread_mutex_unlock(&flush->lock);
    return number;
}

static uint64_t aegis_flush_done(aegis_flush_t *flush, int *error) {
    pthread_mutex_lock(&flush->lock);
    const uint64_t done = flush->done;
    *error = flush->error;
    pthread_mutex_unlock(&flush->lock);
    return done;
}

/* Waits for the requests that are under way, then for the thread. */
static void aegis_flush_end(aegis_flush_t *flush) {
    pthread_mutex_lock(&flush->lock);
    flush->is_ending = 1;
    pthread_cond_signal(&flush->wake);
    pthread_mutex_unlock(&flush->lock);
    pthread_join(flush->thread, NULL);
    pthread_cond_destroy(&flush->wake);
    pthread_mutex_destroy(&flush->lock);
}

#endif
