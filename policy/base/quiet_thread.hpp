// A thread that takes no signals: they belong to the thread that waits for them. SIGXFSZ stays
// pending there, so a file size limit is an error of a write and not the end of the process.
#pragma once

#include <csignal>
#include <thread>
#include <utility>

namespace sluice {

// Not for the thread of a program that has no other: nobody would hear its signals.
template <typename Run> std::thread start_quiet_thread(Run&& run) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread thread(std::forward<Run>(run));
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return thread;
}

} // namespace sluice
