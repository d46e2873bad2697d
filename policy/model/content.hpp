// What a request says, as far as rules ask for it: its body as a JSON tree, and the calls of tools,
// agents and models in it. A default Content is one that nobody could read: it satisfies no allow
// and every refusal. It holds what the agent sent, secrets too, so no record and no message takes
// from it but through describe(). Never changes once a call has it.
// Made by policy/content. Tested by tests/unit/content.
#pragma once

#include "policy/base/document.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::model {

// One call inside a call: what the sections `tools`, `agents` and `models` decide.
struct Operation {
  enum class Kind : std::uint8_t { tool = 0, agent, model };
  Kind kind = Kind::tool;
  bool read = false;              // false: there may be one, and nobody could read it
  std::string method = {};        // of JSON-RPC: "tools/call", "message/send"; "" for a model
  std::vector<std::string> names; // the tool; the skills; all the models that are meant
  bool streaming = false;
  const Node* arguments = nullptr; // of a tool, in the tree of its Content; null: none
};
inline constexpr std::size_t kOperationKinds = 3;
inline constexpr std::array<Operation::Kind, kOperationKinds> kAllOperationKinds = {
    Operation::Kind::tool, Operation::Kind::agent, Operation::Kind::model};
std::string_view to_string(Operation::Kind kind) noexcept;

// Of A2A 1.0, which calls its methods as gRPC does, the name from before: "SendMessage" is
// "message/send". Any other is itself.
std::string_view older_method(std::string_view method) noexcept;

// The operation that there may be.
const Operation& unread_operation(Operation::Kind kind) noexcept;

struct Content {
  enum class State : std::uint8_t {
    unread = 0, // too long, not decodable, or more than one thing to two readers
    head_only,  // not asked for yet: see Engine::body_needed
    none,       // there is no body
    other,      // there is one, and nobody takes it for JSON
    json,
    names_only // JSON that was read; its tree is gone, so that no value can be asked for
  };
  State state = State::unread;
  std::string fault;       // unread: why, in words
  std::uint64_t bytes = 0; // that were read, without their coding
  Node tree;               // json
  std::vector<Operation> operations;

  Content() = default;
  Content(const Content&) = delete; // operations point into the tree
  Content& operator=(const Content&) = delete;
};

// Whether some server takes two keys for one: in any case, as Go folds them (U+017F, U+212A).
bool same_key(std::string_view a, std::string_view b) noexcept;
// More values than this at one pointer nobody tests one by one; scalars_at gives one more, at most.
inline constexpr std::size_t kMostScalars = 1'000;

// Whether values of a JSON text are taken as they stand, or as some server may take them: keys in
// any case, values anywhere below, paths with their dots removed.
enum class JsonReading : bool { exactly, perhaps };
// The scalars at an RFC 6901 pointer, which has been split: the value there, or all items of a
// list. exactly: none at all when there is anything else among them.
std::vector<const Node*> scalars_at(const Node& tree, const std::vector<std::string>& tokens,
                                    JsonReading reading);
// The text without what a file system takes out of a path: "/a/../etc//x" is "/etc/x". Itself where
// there is nothing to take out; the two slashes of a URL are none.
std::string as_path(std::string_view text);

// "tools/call read_file", for records and messages; "" when nothing was found. Bounded.
std::string describe(const Content& content);

} // namespace sluice::model
