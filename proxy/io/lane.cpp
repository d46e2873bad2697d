#include "proxy/io/lane.hpp"

namespace sluice::io {

Task<> Lane::flush(Stream& stream) {
  if (writing_) {
    while (writing_ && pending_.size() > kHighWater) co_await drained_.wait();
    co_return;
  }
  if (pending_.empty()) co_return;
  writing_ = true;
  while (!pending_.empty() && !error_) {
    in_flight_.clear();
    in_flight_.swap(pending_);
    const auto error = co_await stream.write(in_flight_);
    if (error) error_ = error;
  }
  if (error_) pending_.clear();
  if (in_flight_.capacity() > kHighWater) std::string().swap(in_flight_);
  writing_ = false;
  drained_.notify();
}

Task<> Lane::drain(Stream& stream) {
  while (writing_) co_await drained_.wait();
  co_await flush(stream);
}

void Lane::reset() {
  pending_.clear();
  error_ = {};
  framing = wire::BodyFraming::none;
}

} // namespace sluice::io
