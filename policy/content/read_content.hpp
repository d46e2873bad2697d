// What a request's body asks for: MCP tools (tools/call), A2A methods, and models, in whatever
// they travel. Recognised by what the body says, not by its Content-Type, which its sender chooses.
// Total, and never guesses for an allow: a body that two readers may take for two different things
// is unread. Does not decide anything.
// Tested by tests/unit/content/read_content_test.cpp.
#pragma once

#include "policy/model/content.hpp"
#include "policy/model/egress_call.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::content {

enum class Ended : bool { no, yes }; // whether `text` is the whole body

// `text` is the body without its coding; `head` gives the path, which names models too.
std::shared_ptr<const model::Content> read_content(const model::EgressCall& head,
                                                   std::string_view text, Ended ended);
// Of a body that cannot be decoded; `fault` is for people.
std::shared_ptr<const model::Content> unreadable(std::string fault);
// Bytes that its tree takes; 0 for null.
std::size_t memory_of(const model::Content* content) noexcept;
// What is left of it once it was decided: itself where its tree is small, else names, and no text.
// Asked again, it is then judged as what nobody has read wherever a rule asks for more. Null stays
// null.
inline constexpr std::size_t kSmallTree = 64U << 10;
std::shared_ptr<const model::Content>
without_large_tree(const std::shared_ptr<const model::Content>& content);
// Before the body is read.
std::shared_ptr<const model::Content> head_only();

// operations.hpp's recognisers are private; this one is shared with answers: the ids of the
// JSON-RPC requests in a body, as JSON, in order; empty when it is none. Bounded.
std::vector<std::string> request_ids(const model::Content& content);

} // namespace sluice::content
