// The calls of others that the program beside this sidecar is answering right now, and for
// which of them a call of its own is made. Nothing is guessed: where several are open and the
// program does not say which it means, there is no parent, and only the longest chain counts. From
// any thread. Never holds a call longer than its OpenCall. Tested by
// tests/unit/call/open_calls_test.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace sluice::call {

class OpenCalls { // of one process
 public:
  struct Link {
    std::string parent; // call id; "": none, or nobody can tell which
    std::uint32_t hops = 0;
  };
  // For a call of the program, which may name the call it means ("": it does not).
  Link link(std::string_view named) const;

  void open(const std::string& call_id, std::uint32_t hops);
  void close(const std::string& call_id);
  std::size_t size() const;

 private:
  mutable std::mutex lock_;
  std::map<std::string, std::uint32_t, std::less<>> open_; // call id -> hops
  std::map<std::uint32_t, std::size_t> by_hops_;           // how many have so many
};

class OpenCall { // one of them, as long as this lives
 public:
  OpenCall() = default; // none
  OpenCall(std::shared_ptr<OpenCalls> of, std::string call_id, std::uint32_t hops)
      : of_(std::move(of)), call_id_(std::move(call_id)) {
    if (of_) of_->open(call_id_, hops);
  }
  OpenCall(OpenCall&& other) noexcept
      : of_(std::move(other.of_)), call_id_(std::move(other.call_id_)) {}
  OpenCall& operator=(OpenCall&& other) noexcept {
    if (this == &other) return *this;
    close();
    of_ = std::move(other.of_);
    call_id_ = std::move(other.call_id_);
    return *this;
  }
  ~OpenCall() { close(); }
  void close() {
    if (const auto of = std::exchange(of_, nullptr)) of->close(call_id_);
  }

 private:
  std::shared_ptr<OpenCalls> of_; // null: not open
  std::string call_id_;
};

} // namespace sluice::call
