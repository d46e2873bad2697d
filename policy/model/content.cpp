#include "policy/model/content.hpp"

#include "policy/base/bytes.hpp"

#include <algorithm>

namespace sluice::model {
namespace {

// A2A 1.0 calls its methods as gRPC does; rules know them by their older names.
struct Renamed {
  std::string_view since_1_0, before;
};
constexpr std::array kRenamed = {
    Renamed{"SendMessage", "message/send"},
    Renamed{"SendStreamingMessage", "message/stream"},
    Renamed{"GetTask", "tasks/get"},
    Renamed{"ListTasks", "tasks/list"},
    Renamed{"CancelTask", "tasks/cancel"},
    Renamed{"SubscribeToTask", "tasks/resubscribe"},
    Renamed{"CreateTaskPushNotificationConfig", "tasks/pushNotificationConfig/set"},
    Renamed{"SetTaskPushNotificationConfig", "tasks/pushNotificationConfig/set"},
    Renamed{"GetTaskPushNotificationConfig", "tasks/pushNotificationConfig/get"},
    Renamed{"ListTaskPushNotificationConfigs", "tasks/pushNotificationConfig/list"},
    Renamed{"ListTaskPushNotificationConfig", "tasks/pushNotificationConfig/list"},
    Renamed{"DeleteTaskPushNotificationConfig", "tasks/pushNotificationConfig/delete"},
    Renamed{"GetExtendedAgentCard", "agent/getAuthenticatedExtendedCard"},
    Renamed{"GetAuthenticatedExtendedCard", "agent/getAuthenticatedExtendedCard"},
};

constexpr std::size_t kMostDescribed = 8;
constexpr std::size_t kLongestDescription = 400;
constexpr std::size_t kLongestName = 200;

bool is_scalar(const Node& node) {
  return !node.is_list() && !node.is_map();
}

void collect(const Node& node, std::vector<const Node*>& out) {
  if (out.size() > kMostScalars) return;
  if (is_scalar(node)) out.push_back(&node);
  for (const Node& item : node.items) collect(item, out);
  for (const Member& member : node.members) collect(member.value, out);
}

// RFC 6901 §4: an index has no leading zero.
const Node* item_at(const Node& list, const std::string& token) {
  const bool number =
      !token.empty() && token.size() <= 6 && std::all_of(token.begin(), token.end(), is_digit);
  if (!number || (token.size() > 1 && token[0] == '0')) return nullptr;
  const auto index = static_cast<std::size_t>(std::stoul(token));
  return index < list.items.size() ? &list.items[index] : nullptr;
}

void follow(const Node& node, const std::vector<std::string>& tokens, std::size_t from,
            JsonReading reading, std::vector<const Node*>& out) {
  if (from == tokens.size()) {
    out.push_back(&node);
    return;
  }
  const std::string& token = tokens[from];
  if (node.is_list()) {
    if (const Node* item = item_at(node, token)) follow(*item, tokens, from + 1, reading, out);
    if (reading == JsonReading::exactly) return;
    for (const Node& item : node.items) { // a list of what is meant
      if (out.size() <= kMostScalars) follow(item, tokens, from, reading, out);
    }
    return;
  }
  for (const Member& member : node.members) {
    const bool meant =
        member.key == token || (reading == JsonReading::perhaps && same_key(member.key, token));
    if (meant) follow(member.value, tokens, from + 1, reading, out);
  }
}

} // namespace

bool same_key(std::string_view a, std::string_view b) noexcept {
  const auto fold = [](std::string_view text, std::size_t& at) {
    const auto rest = text.substr(at);
    const bool s = rest.starts_with("\xc5\xbf"), k = rest.starts_with("\xe2\x84\xaa");
    at += k ? 3 : s ? 2 : 1;
    const char c = k ? 'k' : s ? 's' : rest.front();
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  };
  std::size_t i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    if (fold(a, i) != fold(b, j)) return false;
  }
  return i == a.size() && j == b.size();
}

std::string_view to_string(Operation::Kind kind) noexcept {
  switch (kind) {
  case Operation::Kind::tool: return "tool";
  case Operation::Kind::agent: return "agent";
  case Operation::Kind::model: return "model";
  }
  return "tool";
}

std::string_view older_method(std::string_view method) noexcept {
  for (const auto& one : kRenamed) {
    if (equal_ignore_case(one.since_1_0, method)) return one.before;
  }
  return method;
}

const Operation& unread_operation(Operation::Kind kind) noexcept {
  static const std::array<Operation, kOperationKinds> all = [] {
    std::array<Operation, kOperationKinds> out;
    for (const auto one : kAllOperationKinds) out[static_cast<std::size_t>(one)].kind = one;
    return out;
  }();
  return all[static_cast<std::size_t>(kind)];
}

std::vector<const Node*> scalars_at(const Node& tree, const std::vector<std::string>& tokens,
                                    JsonReading reading) {
  std::vector<const Node*> places, out;
  follow(tree, tokens, 0, reading, places);
  for (const Node* place : places) {
    if (reading == JsonReading::perhaps || is_scalar(*place)) {
      collect(*place, out);
      continue;
    }
    const bool flat =
        place->is_list() && std::all_of(place->items.begin(), place->items.end(), is_scalar);
    if (!flat) return {};
    collect(*place, out);
  }
  return out;
}

namespace {

bool has_dot_segment(std::string_view text) {
  for (std::size_t begin = 0; begin <= text.size();) {
    const auto end = std::min(text.find('/', begin), text.size());
    const auto part = text.substr(begin, end - begin);
    if (part == "." || part == "..") return true;
    begin = end + 1;
  }
  return false;
}

} // namespace

std::string as_path(std::string_view text) {
  std::string slashes(text);
  const bool doubled = text.starts_with('/') && text.find("//") != std::string_view::npos;
  const bool backward = text.find('\\') != std::string_view::npos;
  if (!doubled && !backward && !has_dot_segment(text)) return slashes;
  std::replace(slashes.begin(), slashes.end(), '\\', '/');
  const bool rooted = !slashes.empty() && slashes.front() == '/';
  std::vector<std::string_view> parts;
  const std::string_view all(slashes);
  for (std::size_t begin = 0; begin <= all.size();) {
    const auto end = std::min(all.find('/', begin), all.size());
    const auto part = all.substr(begin, end - begin);
    begin = end + 1;
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      parts.push_back(part);
    } else if (!parts.empty() && parts.back() != "..") {
      parts.pop_back();
    } else if (!rooted) {
      parts.push_back(part);
    }
  }
  std::string out = rooted ? "/" : "";
  for (const auto part : parts) {
    if (out.size() > (rooted ? 1U : 0U)) out += '/';
    out += part;
  }
  return out;
}

std::string describe(const Content& content) {
  std::string out;
  std::size_t left = kMostDescribed;
  for (const Operation& one : content.operations) {
    if (left-- == 0) return out + ", and others";
    if (!out.empty()) out += ", ";
    out += one.method.empty() ? to_string(one.kind) : one.method;
    if (!one.read) out += " (not readable)";
    for (const std::string& name : one.names) {
      if (out.size() > kLongestDescription) return out + ", and others";
      // Whole or not at all: a piece of a secret is not found by who masks the text.
      out += name.size() > kLongestName ? " (a long name)" : ' ' + name;
    }
  }
  return out;
}

} // namespace sluice::model
