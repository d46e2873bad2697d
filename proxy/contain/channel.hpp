// The line between the sidecar and a box's init: one socket pair, whole messages, each a word, a
// text and perhaps a descriptor. It closes with its owner, so each end learns when the other is
// gone. Never carries anything after CMD has started, but a door's line: what CMD could take over
// must be worth nothing. Tested by tests/contain/box_test.cpp.
#pragma once

#include "policy/base/result.hpp"
#include "policy/base/unique_fd.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace sluice::contain {

enum class Word : char {
  none = 0,
  // init to sidecar
  failed = 'f',  // why, for people; the box is over
  socket = 's',  // "<role><family><port>", with the descriptor
  ready = 'r',   // sealed: rules, mounts and privileges are as CMD will find them
  check = 'c',   // one check of the probe
  note = 'n',    // what CMD will notice and no check is about
  proven = 'd',  // no more checks
  started = 'o', // CMD runs
  door = 'e',    // with the line that answers dial
  dialled = 'k', // with the connection
  // sidecar to init
  probe = 'p',
  argument = 'a', // one word of CMD
  variable = 'v', // one variable of its environment
  output = 'w',   // with what CMD writes to, both ways
  start = 'x',
  dial = 'l', // a port of the box's loopback; on the line of its own
};

struct Message {
  Word word = Word::none;
  std::string text;
  UniqueFd fd;
};

class Channel {
 public:
  Channel() = default;
  explicit Channel(UniqueFd fd) noexcept : fd_(std::move(fd)) {}
  static Result<std::pair<Channel, Channel>> make_pair();
  // From one thread at a time, as receive().
  bool send(Word word, std::string_view text = {}, int fd = -1) const; // false: nobody listens
  std::optional<Message> receive() const; // blocks; nothing when the other end is gone
  int fd() const noexcept { return fd_.get(); }

 private:
  UniqueFd fd_;
};

} // namespace sluice::contain
