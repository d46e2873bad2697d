#include "policy/content/read_content.hpp"

#include "policy/base/bytes.hpp"
#include "policy/base/json.hpp"
#include "policy/content/operations.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
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

// A batch (JSON-RPC 2.0 §6) is a list of messages; some servers take lists in it apart, too.
template <class Each> void each_message(const Node& tree, Each each) {
  if (tree.is_map()) each(tree);
  for (const Node& item : tree.items) each_message(item, each);
}

// A charset in which these bytes say something else to whoever honours it. UTF-16 and UTF-32 are no
// JSON as they stand.
bool misleads(const model::EgressCall& head) {
  constexpr std::array<std::string_view, 7> kAlike = {
      "utf-8", "utf8", "us-ascii", "ascii", "iso-8859-1", "latin1", "windows-1252"};
  const auto types = model::values_of_field(head, "content-type");
  if (types.size() > 1) return true;
  for (const std::string_view type : types) {
    const auto lower = ascii_lower(type);
    const auto at = lower.find("charset");
    if (at == std::string::npos) continue;
    std::string name;
    for (const char c : lower.substr(at + std::string_view("charset").size())) {
      if (c != '=' && c != '"' && c != '\'' && c != ' ' && c != '\t') name += c;
    }
    name = name.substr(0, name.find(';'));
    if (lower.find("charset", at + 1) != std::string::npos) return true;
    if (std::find(kAlike.begin(), kAlike.end(), name) == kAlike.end()) return true;
  }
  return false;
}

// Who says JSON may be read by one who takes more for JSON than it is: comments, a prefix.
bool may_say_json(const model::EgressCall& head) {
  const auto types = model::values_of_field(head, "content-type");
  return !types.empty() && ascii_lower(types.front()).find("json") != std::string::npos;
}

// What a server may take the path for, with all that is escaped in it read and no slash at its end.
std::vector<std::string> readings_of(const model::EgressCall& head) {
  std::vector<std::string> out;
  const auto add = [&out](std::string_view path) {
    std::string text = percent_decoded(path);
    while (text.size() > 1 && text.back() == '/') text.pop_back();
    if (std::find(out.begin(), out.end(), text) == out.end()) out.push_back(std::move(text));
  };
  add(head.path);
  for (const std::string& other : head.other_paths) add(other);
  return out;
}

bool asks_for_nothing(const model::EgressCall& head) {
  return head.method == "GET" || head.method == "HEAD" || head.method == "OPTIONS";
}

// What the path says although there is no JSON.
std::shared_ptr<const Content> without_json(std::shared_ptr<Content> out,
                                            const model::EgressCall& head) {
  if (asks_for_nothing(head)) return out;
  for (const std::string& path : readings_of(head)) {
    find_agent_by_path(path, out->operations);
    find_model(path, nullptr, out->operations);
  }
  return out;
}

std::size_t memory_of_tree(const Node& tree) noexcept {
  std::size_t out = sizeof(Node) + tree.text.size();
  for (const Node& item : tree.items) out += memory_of_tree(item);
  for (const Member& member : tree.members) {
    out += sizeof(Member) - sizeof(Node) + member.key.size() + memory_of_tree(member.value);
  }
  return out;
}

} // namespace

Found find_any_case(const Node& map, std::string_view key) {
  Found out;
  std::size_t count = 0;
  for (const Member& member : map.members) {
    if (!model::same_key(member.key, key)) continue;
    ++count;
    out.certain = out.certain && member.key == key;
    if (out.node == nullptr || member.key == key) out.node = &member.value;
  }
  out.certain = out.certain && count == 1;
  return out;
}

bool add_strings(const Node& from, std::vector<std::string>& out) {
  if (from.kind == Node::Kind::string) out.push_back(from.text);
  bool all = from.is_list() || from.kind == Node::Kind::string;
  for (const Node& item : from.items) {
    all = all && item.kind == Node::Kind::string;
    if (item.kind == Node::Kind::string) out.push_back(item.text);
  }
  return all;
}

std::shared_ptr<const Content> read_content(const model::EgressCall& head, std::string_view text,
                                            Ended ended) {
  if (text.empty() && ended == Ended::yes) {
    static const std::shared_ptr<const Content> nothing = in_state(State::none);
    return asks_for_nothing(head) ? nothing : without_json(in_state(State::none), head);
  }
  if (misleads(head)) return unreadable("the body: it is in a charset that is not read");
  const char mark = first_mark(text);
  const bool json = mark == '{' || mark == '[' || (mark == 0 && ended == Ended::no);
  if (!json && may_say_json(head)) return unreadable("the body: it is no JSON object or list");
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
  for (const std::string& path : readings_of(head)) {
    find_agent_by_path(path, out->operations);
    find_model(path, out->tree.is_map() ? &out->tree : nullptr, out->operations);
  }
  const auto too_many = [](const model::Operation& one) { return one.names.size() > kMostNames; };
  const auto& found = out->operations;
  if (found.size() > kMostOperations || std::any_of(found.begin(), found.end(), too_many))
    return unreadable("the body calls more than is read at once");
  return out;
}

std::shared_ptr<const Content> unreadable(std::string fault) {
  return in_state(State::unread, std::move(fault));
}

std::size_t memory_of(const Content* content) noexcept {
  return content == nullptr || content->state != State::json ? 0 : memory_of_tree(content->tree);
}

std::shared_ptr<const Content> without_large_tree(const std::shared_ptr<const Content>& content) {
  if (memory_of(content.get()) <= kSmallTree) return content;
  auto out = in_state(State::names_only);
  out->bytes = content->bytes;
  out->operations = content->operations;
  for (auto& one : out->operations) {
    one.read = one.read && one.arguments == nullptr;
    one.arguments = nullptr;
  }
  return out;
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
  if (out.size() == kMostIds) out.clear(); // an answer to some would be none to the rest
  return out;
}

} // namespace sluice::content
