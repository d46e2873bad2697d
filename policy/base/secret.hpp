// A value that must never be shown: zeroed when it dies, no stream operator, no comparison that
// stops early. Never put one into a record, a message or an Error.
#pragma once

#include <string>
#include <string_view>

namespace sluice {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) { take(value); }
  Secret(const Secret&) = default;
  Secret& operator=(const Secret& other) { return *this = Secret(other); }
  Secret(Secret&& other) noexcept { take(other.value_); }
  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) {
      wipe(value_);
      take(other.value_);
    }
    return *this;
  }
  ~Secret() { wipe(value_); }

  std::string_view reveal() const noexcept { return value_; } // the only way to the bytes
  bool empty() const noexcept { return value_.empty(); }

 private:
  void take(std::string& other) noexcept {
    value_.swap(other);
    wipe(other);
  }
  // All there is room for: a short text leaves its bytes where it was when it moves.
  static void wipe(std::string& text) noexcept {
    text.resize(text.capacity());
    volatile char* p = text.data();
    for (std::size_t i = 0; i < text.size(); ++i) p[i] = 0;
    text.clear();
  }
  std::string value_;
};

} // namespace sluice
