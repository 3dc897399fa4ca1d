"""Wait for the disk beside the event loop, without the interpreter lock.

A Python thread would need the lock before and after each fdatasync, and a loop that spins gives it
away only every few milliseconds.
"""

import os

cimport cython
from libc.stdint cimport uint64_t

cdef extern from "flush.h":
    ctypedef struct aegis_flush_t:
        uint64_t done
        int error
    int aegis_flush_start(aegis_flush_t* flush, int file_fd, int event_fd) noexcept nogil
    uint64_t aegis_flush_request(aegis_flush_t* flush) noexcept nogil
    uint64_t aegis_flush_done(aegis_flush_t* flush, int* error) noexcept nogil
    void aegis_flush_end(aegis_flush_t* flush) noexcept nogil


@cython.final
cdef class Flusher:
    """A thread that makes one file durable on request. One owner; not for several threads.

    file_fd: a descriptor of its own, closed with it. event_fd: readable whenever done or error may
    have changed; read it empty, then look. After an error nothing is tried again.
    """

    cdef aegis_flush_t _flush
    cdef int _file_fd
    cdef readonly int event_fd
    cdef bint _is_running
    cdef uint64_t _last_done
    cdef int _last_error

    def __cinit__(self):
        self._is_running = False
        self._file_fd = self.event_fd = -1
        self._last_done = 0
        self._last_error = 0

    def __init__(self, int file_fd):
        if self._is_running:
            raise RuntimeError("a flusher starts once")
        self._file_fd = file_fd
        self.event_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        cdef int error = aegis_flush_start(&self._flush, file_fd, self.event_fd)
        if error:
            os.close(self.event_fd)
            self.event_fd = -1
            raise OSError(error, os.strerror(error))
        self._is_running = True

    def request(self):
        """Ask that all written so far be made durable; returns the request's number, from 1."""
        if not self._is_running:
            raise RuntimeError("the flusher is closed")
        return aegis_flush_request(&self._flush)

    cdef void _look(self) noexcept:
        if self._is_running:
            self._last_done = aegis_flush_done(&self._flush, &self._last_error)

    @property
    def done(self):
        """The number up to which all requests are durable."""
        self._look()
        return self._last_done

    @property
    def error(self):
        """The errno of the fdatasync that failed; 0 while all is well."""
        self._look()
        return self._last_error

    def close(self):
        """Finish what is requested, then end. done and error stay readable. Safe to call twice."""
        if not self._is_running:
            return
        with nogil:
            aegis_flush_end(&self._flush)
        # The thread is gone; its last word needs no lock any more, and the lock is destroyed.
        self._last_done = self._flush.done
        self._last_error = self._flush.error
        self._is_running = False
        os.close(self.event_fd)
        os.close(self._file_fd)
        self.event_fd = self._file_fd = -1

    def __dealloc__(self):
        if self._is_running:
            with nogil:
                aegis_flush_end(&self._flush)
