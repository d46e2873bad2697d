// The local ports of our own upstream connections. A connection that comes back to a transparent
// listener from one of them is ourselves, captured by a rule that should have exempted us: without
// this check it would be dialled again, and again. Only kept where something is captured.
// Tested by tests/e2e/test_transparent.py.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

namespace sluice::io {

class OwnPorts { // shared by all workers
 public:
  class Entry { // one upstream socket; gives the port back
   public:
    Entry() = default;
    Entry(OwnPorts& all, std::uint16_t port) : all_(&all), port_(port) { ++all.count_[port]; }
    Entry(Entry&& other) noexcept : all_(std::exchange(other.all_, nullptr)), port_(other.port_) {}
    Entry& operator=(Entry&& other) noexcept {
      std::swap(all_, other.all_);
      std::swap(port_, other.port_);
      return *this;
    }
    ~Entry() {
      if (all_ != nullptr) --all_->count_[port_];
    }

   private:
    OwnPorts* all_ = nullptr;
    std::uint16_t port_ = 0;
  };

  bool holds(std::uint16_t port) const noexcept { return count_[port].load() > 0; }

 private:
  std::array<std::atomic<std::uint32_t>, 65'536> count_{};
};

} // namespace sluice::io
