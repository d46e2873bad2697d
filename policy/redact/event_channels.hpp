// The texts that are being streamed, each with the redactor that reads it across events. Text that
// is held when a text ends goes out in a clone of the last event that carried a piece of it.
// Private to policy/redact. Tested by tests/unit/redact/event_stream_test.cpp.
#pragma once

#include "policy/redact/event_json.hpp"
#include "policy/redact/redactor.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::redact {

// How an event is written around its payload.
struct EventForm {
  std::string name_line; // `event: x` and its end, or nothing
  std::string prefix;    // before each line of the payload
  std::string line_end;
  std::string last_line; // what ends the event
  void write(std::string_view payload, std::string& out) const;
};

struct Channel {
  Channel(const std::shared_ptr<const RuleSet>& rules, Scope looked_for, std::uint64_t name)
      : key(name), redactor(rules, Redactor::Mask::placeholder, looked_for) {}
  std::uint64_t key;
  Redactor redactor;
  EventJson::Scope scope{};
  EventJson::Lineage lineage;
  enum class Writing : std::uint8_t { none, plain, json } writing = Writing::none;
  EventForm form;             // of the last event that left text held,
  std::string before, after;  // its payload around the piece, other pieces taken out
  std::size_t last_piece = 0; // in the event at hand
};

class Channels {
 public:
  static constexpr std::size_t kMost = 32; // what is over shares one, and is still redacted
  Channels(std::shared_ptr<const RuleSet> rules, Scope scope)
      : rules_(std::move(rules)), scope_(scope) {}

  struct Found {
    Channel& channel;
    bool is_new;
  };
  Found get(std::uint64_t key);
  // Writes what it holds, and forgets it.
  template <typename Ended> void end_those(const Ended& ended, std::string& out) {
    std::erase_if(all_, [&](const std::unique_ptr<Channel>& one) {
      if (!ended(*one)) return false;
      flush(*one, out);
      return true;
    });
  }
  Findings findings() const;
  std::string blocked_by() const;
  // Changes whenever a channel may have gone.
  std::uint64_t generation() const noexcept { return generation_; }

 private:
  void flush(Channel& channel, std::string& out);

  std::shared_ptr<const RuleSet> rules_;
  Scope scope_;
  std::string blocked_by_; // of those that have ended
  std::vector<std::unique_ptr<Channel>> all_;
  Findings ended_;
  std::uint64_t generation_ = 0;
};

} // namespace sluice::redact
