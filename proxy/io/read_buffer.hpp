// Bytes received and not yet used. Small while idle, larger while a body streams.
// Never shrinks or moves while a view into it is in use: prepare() is the only thing that moves
// bytes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

namespace sluice::io {

class ReadBuffer {
 public:
  std::string_view data() const noexcept { return {bytes_.get() + begin_, end_ - begin_}; }
  void consume(std::size_t n) noexcept {
    begin_ += n;
    if (begin_ == end_) begin_ = end_ = 0;
  }
  void consume_until(std::string_view rest) noexcept { consume(end_ - begin_ - rest.size()); }
  // Room for a read; `space()` bytes at `tail()`.
  void prepare() {
    if (begin_ > 0) {
      std::memmove(bytes_.get(), bytes_.get() + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = 0;
    }
    if (end_ == capacity_ || filled_) grow(std::min(kLargest, std::max(kSmallest, capacity_ * 2)));
    filled_ = false;
    if (end_ == capacity_)
      grow(capacity_ * 2); // a head longer than usual: the reader's limit stops it
  }
  char* tail() noexcept { return bytes_.get() + end_; }
  std::size_t space() const noexcept { return capacity_ - end_; }
  void commit(std::size_t n) noexcept {
    end_ += n;
    filled_ = end_ == capacity_ && capacity_ < kLargest;
  }
  void release_when_empty() noexcept {
    if (begin_ != end_ || capacity_ <= kSmallest) return;
    bytes_.reset();
    capacity_ = begin_ = end_ = 0;
    filled_ = false;
  }

 private:
  static constexpr std::size_t kSmallest = 4 * 1024, kLargest = 64 * 1024;
  void grow(std::size_t size) {
    if (size <= capacity_) return;
    auto larger = std::make_unique<char[]>(size);
    if (end_ > 0) std::memcpy(larger.get(), bytes_.get(), end_);
    bytes_ = std::move(larger);
    capacity_ = size;
  }
  std::unique_ptr<char[]> bytes_;
  std::size_t capacity_ = 0, begin_ = 0, end_ = 0;
  bool filled_ = false;
};

} // namespace sluice::io
