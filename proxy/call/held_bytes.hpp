// What bodies that are held, for the policy or for their length, may take of memory together, and
// one call's share of it. A share that may not grow says so; who asked must then hold less or
// refuse the call. Never counts what one message's limits bound already: heads, pieces on their
// way. Tested by tests/unit/call/held_bytes_test.cpp and tests/playbook/held_bytes_test.cpp.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

namespace sluice::call {

class HeldBytes { // of all calls; from any thread
 public:
  explicit HeldBytes(std::uint64_t most) noexcept : left_(most) {}

  bool take(std::uint64_t bytes) noexcept {
    auto left = left_.load(std::memory_order_relaxed);
    do {
      if (bytes > left) return false;
    } while (!left_.compare_exchange_weak(left, left - bytes, std::memory_order_relaxed));
    return true;
  }
  void give(std::uint64_t bytes) noexcept { left_.fetch_add(bytes, std::memory_order_relaxed); }
  std::uint64_t left() const noexcept { return left_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> left_;
};

class HeldShare { // of one call; given back when it ends
 public:
  explicit HeldShare(std::shared_ptr<HeldBytes> of = nullptr) noexcept : of_(std::move(of)) {}
  HeldShare(HeldShare&& other) noexcept
      : of_(std::move(other.of_)), held_(std::exchange(other.held_, 0)) {}
  HeldShare& operator=(HeldShare&& other) noexcept {
    if (this == &other) return *this;
    (void)hold(0);
    of_ = std::move(other.of_);
    held_ = std::exchange(other.held_, 0);
    return *this;
  }
  ~HeldShare() { (void)hold(0); }

  // What the call holds now, all in all. False when that is more than is left: the share stays as
  // it was. Holding less always works.
  [[nodiscard]] bool hold(std::uint64_t bytes) noexcept {
    if (!of_) return true; // nobody counts
    if (bytes > held_ && !of_->take(bytes - held_)) return false;
    if (bytes < held_) of_->give(held_ - bytes);
    held_ = bytes;
    return true;
  }

 private:
  std::shared_ptr<HeldBytes> of_;
  std::uint64_t held_ = 0;
};

} // namespace sluice::call
