// Holds a request while its body is read for the policy: nothing is decided before, so nothing has
// left. Keeps the bytes as they came, to be sent afterwards as if they came then. Never holds more
// than it was asked to read, and one piece.
// Tested by tests/unit/call/inspection_test.cpp and tests/playbook/inspect_test.cpp.
#pragma once

#include "policy/content/read_content.hpp"
#include "policy/model/egress_call.hpp"
#include "proxy/wire/coding.hpp"
#include "proxy/wire/head.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::call {

class Inspection {
 public:
  // `most`: bytes of the body, without its coding, that rules may ask for.
  Inspection(model::EgressCall call, std::uint64_t most, const wire::RequestHead& head);

  // False: no more is needed.
  bool feed(std::string_view bytes);
  void end(wire::Fields trailers); // the body is whole
  // The call with what its body says. Once.
  model::EgressCall take_call();
  const model::EgressCall& call() const noexcept { return call_; }

  std::uint64_t bytes() const noexcept { return held_.size(); } // of the body, as it came
  std::uint64_t memory() const noexcept { return held_.size() + text_.size(); }
  bool ended() const noexcept { return trailers_.has_value(); }
  std::string take_bytes() noexcept { return std::move(held_); }
  wire::Fields take_trailers(); // requires: ended()

 private:
  model::EgressCall call_;
  std::uint64_t most_;
  std::string held_;
  std::string text_; // without its coding; unused where it has none
  std::optional<wire::Decoder> decoder_;
  std::string fault_; // why it cannot be decoded
  std::optional<wire::Fields> trailers_;
};

} // namespace sluice::call
