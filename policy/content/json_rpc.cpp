// MCP (2025-06-18, Tools) and A2A (0.2 to 1.0, by JSON-RPC and by its HTTP binding).
#include "policy/base/bytes.hpp"
#include "policy/content/operations.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace sluice::content {
namespace {

using model::Operation;

constexpr std::string_view kToolCall = "tools/call";

struct ByPath {
  std::string_view ending, method;
};
constexpr std::array kByPath = {ByPath{"/message:send", "message/send"},
                                ByPath{"/message:stream", "message/stream"}};
constexpr std::array kByTaskPath = {ByPath{":cancel", "tasks/cancel"},
                                    ByPath{":subscribe", "tasks/resubscribe"}};

bool streams(std::string_view method) {
  return method == "message/stream" || method == "tasks/resubscribe" ||
         method == "tasks/sendSubscribe";
}

// MCP has tasks, too (2025-11-25): of these methods theirs have a taskId, and A2A's an id.
constexpr std::array<std::string_view, 4> kTasksOfMcp = {"tasks/get", "tasks/list", "tasks/cancel",
                                                         "tasks/result"};

// The method of A2A that this is, or "".
std::string agent_method(std::string_view method, const Node* params) {
  if (const auto older = model::older_method(method); older != method) return std::string(older);
  const auto lower = ascii_lower(method);
  const bool agent = lower.starts_with("message/") || lower.starts_with("agent/");
  const bool task = lower.starts_with("tasks/");
  if (!agent && !task) return {};
  const bool shared =
      std::find(kTasksOfMcp.begin(), kTasksOfMcp.end(), method) != kTasksOfMcp.end();
  const bool theirs = shared && params != nullptr && params->find("taskId") != nullptr &&
                      find_any_case(*params, "id").node == nullptr;
  return theirs ? "" : std::string(method);
}

// False when it is not certain what is meant.
bool add_skills(const Node* holder, std::vector<std::string>& out) {
  if (holder == nullptr) return true;
  const Found metadata = find_any_case(*holder, "metadata");
  if (metadata.node == nullptr) return true;
  bool certain = metadata.certain;
  for (const Member& member : metadata.node->members) {
    for (const std::string_view key : {"skill", "skills", "skillId", "skill_id"}) {
      if (model::same_key(member.key, key)) certain = add_strings(member.value, out) && certain;
    }
  }
  return certain;
}

Operation tool_call(const Node* params) {
  Operation out;
  out.method = kToolCall;
  if (params == nullptr || !params->is_map()) return out;
  const Found name = find_any_case(*params, "name");
  const Found arguments = find_any_case(*params, "arguments");
  if (name.node != nullptr) add_strings(*name.node, out.names);
  out.arguments = arguments.node;
  out.read = name.certain && name.node != nullptr && name.node->kind == Node::Kind::string &&
             (arguments.certain || arguments.node == nullptr);
  return out;
}

Operation agent_call(std::string method, const Node* params) {
  Operation out;
  out.kind = Operation::Kind::agent;
  out.read = true;
  out.streaming = streams(method);
  out.method = std::move(method);
  if (params == nullptr) return out;
  const Found message = find_any_case(*params, "message");
  out.read = add_skills(params, out.names);
  out.read = add_skills(message.node, out.names) && out.read;
  out.read = out.read && (message.certain || message.node == nullptr);
  return out;
}

} // namespace

void find_rpc(const Node& message, std::vector<Operation>& out) {
  // Some servers take keys in any case, and read the last of several.
  for (const Member& member : message.members) {
    if (!model::same_key(member.key, "method") || member.value.kind != Node::Kind::string) continue;
    const Found params = find_any_case(message, "params");
    const bool certain =
        find_any_case(message, "method").certain && (params.certain || params.node == nullptr);
    const std::string& method = member.value.text;
    if (equal_ignore_case(method, kToolCall)) {
      auto found = tool_call(params.node);
      found.read = found.read && certain && method == kToolCall;
      out.push_back(std::move(found));
    } else if (auto agent = agent_method(method, params.node); !agent.empty()) {
      out.push_back(agent_call(std::move(agent), params.node));
      out.back().read = out.back().read && certain;
    }
  }
}

void find_agent_by_path(std::string_view written, std::vector<Operation>& out) {
  const std::string path = ascii_lower(written);
  if (path.find("/tasks/") != std::string::npos && path.ends_with("/pushnotificationconfigs"))
    out.push_back(agent_call("tasks/pushNotificationConfig/set", nullptr));
  for (const auto& one : kByPath) {
    if (path.ends_with(one.ending)) out.push_back(agent_call(std::string(one.method), nullptr));
  }
  for (const auto& one : kByTaskPath) {
    const bool task = path.find("/tasks/") != std::string_view::npos && path.ends_with(one.ending);
    if (task) out.push_back(agent_call(std::string(one.method), nullptr));
  }
}

} // namespace sluice::content
