// A second process of this very program that reads foreign files with a C library, so that the library may crash.
#pragma once
#include <stdint.h>
#include <sys/types.h>

// Starts this program again as a reader of HDF5 files, whatever its main function is. It knows nothing of this process
// but the socket, whose end here is put into `channel`. Returns the process, or -1 where none can be made.
pid_t reader_spawn(int *channel);

// Ends a reader, and returns the signal that it had died of before, or 0.
int reader_end(pid_t process, int channel);

// Sends all bytes; 0 where the other end is gone. No signal is raised.
int reader_send(int channel, const void *bytes, size_t count);

// Waits up to `wait_ms` for bytes and takes what is there: their number, 0 where the other end is gone, -1 where nothing came.
ssize_t reader_receive(int channel, void *bytes, size_t count, int wait_ms);

// Allows this process `bytes` more memory than it has, and `seconds` of processor time. Returns 0 where that fails.
int reader_limit(uint64_t bytes, uint64_t seconds);

// What a reader runs, over the socket at descriptor 0; in Swift.
int stormbench_serve_hdf5(void) __attribute__((weak));
