#include "policy/content/read_content.hpp"

#include "policy/base/bytes.hpp"
#include "policy/base/json.hpp"
#include "policy/content/operations.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace sluice::content {
namespace {

using model::Content;
using State = Content::State;

constexpr std::size_t kMostIds = 1'000;
// Each is asked about under every rule, so that a body must not hold as many as it has room for.
constexpr std::size_t kMostOperations = 200;
constexpr std::size_t kMostNames = 1'000;

std::shared_ptr<Content> in_state(State state, std::string fault = {}) {
  auto out = std::make_shared<Content>();
  out->state = state;
  out->fault = std::move(fault);
  return out;
}

// A batch (JSON-RPC 2.0 §6) is a list of messages.
template <class Each> void each_message(const Node& tree, Each each) {
  if (tree.is_map()) each(tree);
  for (const Node& item : tree.items) {
    if (item.is_map()) each(item);
  }
}

// What the path says although there is no JSON.
std::shared_ptr<const Content> without_json(std::shared_ptr<Content> out,
                                            const model::EgressCall& head) {
  if (head.method == "POST") {
    find_agent_by_path(head.path, out->operations);
    find_model(head.path, nullptr, out->operations);
  }
  return out;
}

} // namespace

Found find_any_case(const Node& map, std::string_view key) {
  Found out;
  std::size_t count = 0;
  for (const Member& member : map.members) {
    if (!equal_ignore_case(member.key, key)) continue;
    ++count;
    out.certain = out.certain && member.key == key;
    if (out.node == nullptr || member.key == key) out.node = &member.value;
  }
  out.certain = out.certain && count == 1;
  return out;
}

void add_strings(const Node& from, std::vector<std::string>& out) {
  if (from.kind == Node::Kind::string) out.push_back(from.text);
  for (const Node& item : from.items) {
    if (item.kind == Node::Kind::string) out.push_back(item.text);
  }
}

std::shared_ptr<const Content> read_content(const model::EgressCall& head, std::string_view text,
                                            Ended ended) {
  if (text.empty() && ended == Ended::yes) return without_json(in_state(State::none), head);
  const char mark = first_mark(text);
  const bool json = mark == '{' || mark == '[' || (mark == 0 && ended == Ended::no);
  if (!json) {
    auto out = in_state(State::other);
    out->bytes = text.size();
    return without_json(std::move(out), head);
  }
  if (ended == Ended::no) return unreadable("the body is longer than is inspected");
  auto tree = read_json(text);
  if (!tree) return unreadable("the body: " + tree.error().detail);
  auto out = in_state(State::json);
  out->bytes = text.size();
  out->tree = std::move(tree.value());
  each_message(out->tree, [&](const Node& message) {
    if (out->operations.size() <= kMostOperations) find_rpc(message, out->operations);
  });
  if (head.method == "POST") find_agent_by_path(head.path, out->operations);
  find_model(head.path, out->tree.is_map() ? &out->tree : nullptr, out->operations);
  const auto too_many = [](const model::Operation& one) { return one.names.size() > kMostNames; };
  const auto& found = out->operations;
  if (found.size() > kMostOperations || std::any_of(found.begin(), found.end(), too_many))
    return unreadable("the body calls more than is read at once");
  return out;
}

std::shared_ptr<const Content> unreadable(std::string fault) {
  return in_state(State::unread, std::move(fault));
}

std::shared_ptr<const Content> head_only() {
  static const std::shared_ptr<const Content> only = in_state(State::head_only);
  return only;
}

std::vector<std::string> request_ids(const Content& content) {
  std::vector<std::string> out;
  each_message(content.tree, [&](const Node& message) {
    const Node* id = message.find("id");
    const Node* method = message.find("method");
    const Node* version = message.find("jsonrpc");
    const bool is_request = id != nullptr && method != nullptr && version != nullptr &&
                            version->text == "2.0" && out.size() < kMostIds;
    if (!is_request) return;
    if (id->kind == Node::Kind::integer) out.push_back(id->text);
    if (id->kind == Node::Kind::string) out.push_back(nlohmann::json(id->text).dump());
  });
  return out;
}

} // namespace sluice::content
