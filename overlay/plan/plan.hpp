// What an overlay answers: which interposers there shall be, and to which edges of its scope they
// are attached. As decoded, before anything in it was checked against the scope. Tested by
// tests/unit/overlay/decode_test.cpp.
#pragma once

#include "overlay/manifest/manifest.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace sluice::overlay {

struct Attachment {
  std::uint64_t target = 0; // edge of the scope
  std::string slot;         // the interposer's, towards the provider
  std::string provide;      // the interposer's, towards the consumer
  bool operator==(const Attachment&) const = default;
};

struct Interposer {
  std::optional<Json> config;        // templates over the config of the scope
  std::optional<Json> config_schema; // as written
  std::optional<Program> program;
  std::map<std::string, Slot> slots;
  std::map<std::string, Provide> provides;
  std::map<std::string, Resource> resources;
  std::optional<Json> metadata;
  // What is wrong with the program's strings themselves; "": nothing. Their shape is good, so that
  // it is the validation that says so, in its order.
  std::string template_fault;
};

struct Interposition {
  Interposer interposer;
  std::vector<Attachment> attachments;
  Json written; // all of it, for digests
};

struct InterpositionPlan {
  std::vector<Interposition> interpositions;
};

} // namespace sluice::overlay
