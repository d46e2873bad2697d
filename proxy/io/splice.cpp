#include "proxy/io/splice.hpp"

#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

namespace sluice::io {
namespace {

constexpr std::size_t kAtOnce = 1U << 20U;

ErrorCode system_error() {
  return {errno, boost::system::system_category()};
}

} // namespace

SplicePipe::SplicePipe() {
  if (::pipe2(ends_, O_CLOEXEC | O_NONBLOCK) != 0) ends_[0] = ends_[1] = -1;
}

SplicePipe::~SplicePipe() {
  for (const int end : ends_) {
    if (end >= 0) ::close(end);
  }
}

Task<IoResult> SplicePipe::move(Socket& from, Socket& to) {
  constexpr unsigned kFlags = SPLICE_F_MOVE | SPLICE_F_NONBLOCK;
  IoResult result;
  if (ends_[0] < 0) {
    result.error = net::error::no_descriptors;
    co_return result;
  }
  source_failed_ = true;
  from.native_non_blocking(true, result.error);
  to.native_non_blocking(true, result.error);
  ssize_t taken = -1;
  while (taken < 0) {
    taken = ::splice(from.native_handle(), nullptr, ends_[1], nullptr, kAtOnce, kFlags);
    if (taken >= 0 || errno == EINTR) continue;
    if (errno != EAGAIN) result.error = system_error();
    if (result.error) co_return result;
    std::tie(result.error) = co_await from.async_wait(Socket::wait_read, use_task);
    if (result.error) co_return result;
  }
  source_failed_ = false;
  if (taken == 0) result.error = net::error::eof;
  while (taken > 0) {
    const auto given = ::splice(ends_[0], nullptr, to.native_handle(), nullptr,
                                static_cast<std::size_t>(taken), kFlags);
    if (given > 0) {
      taken -= given;
      result.bytes += static_cast<std::size_t>(given);
      continue;
    }
    if (given < 0 && errno == EINTR) continue;
    if (given == 0 || errno != EAGAIN) result.error = given == 0 ? net::error::eof : system_error();
    if (result.error) co_return result;
    std::tie(result.error) = co_await to.async_wait(Socket::wait_write, use_task);
    if (result.error) co_return result;
  }
  co_return result;
}

} // namespace sluice::io
