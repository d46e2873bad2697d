// The recognisers of read_content, one for each protocol. Each adds what it finds; what it finds
// but cannot read for certain it adds as unread. Private to policy/content.
#pragma once

#include "policy/model/content.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace sluice::content {

// json_rpc.cpp
void find_rpc(const Node& message, std::vector<model::Operation>& out); // MCP and A2A
void find_agent_by_path(std::string_view path, std::vector<model::Operation>& out);

// llm.cpp: `body` is null when it is no JSON object.
void find_model(std::string_view path, const Node* body, std::vector<model::Operation>& out);

// The member that some reader takes for `key`, and whether every reader does.
struct Found {
  const Node* node = nullptr;
  bool certain = true;
};
Found find_any_case(const Node& map, std::string_view key);
// A string, or a list of them; false when there is anything else.
bool add_strings(const Node& from, std::vector<std::string>& out);

} // namespace sluice::content
