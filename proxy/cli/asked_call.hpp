// A call as a person writes it (METHOD URL) made the facts that the engine judges. Asks nobody:
// names are not resolved. Tested by tests/e2e/test_cli.py.
#pragma once

#include "policy/model/egress_call.hpp"
#include "proxy/cli/output.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::cli {

// None: `why` says why there is no such call. TCP goes with tcp://host:port, all else with http(s).
std::optional<model::EgressCall> asked_call(const std::string& method, const std::string& url,
                                            std::string& why);
// What a person may say of a call besides what is sent; "" for what is not said, and not known.
struct AskedFacts {
  std::string agent, session, time, sni;
  std::vector<std::string> resolves_to; // addresses
};
// False: `why` says which of them is none. In `addresses` those that the name resolves to.
bool give_facts(model::EgressCall& call, const AskedFacts& facts,
                std::vector<model::IpAddress>& addresses, std::string& why);
// The text is its body, of which so much is read. Without a call of this the call has none.
void give_body(model::EgressCall& call, std::string_view text, std::uint64_t inspected);
// A call of an MCP tool; `arguments` is JSON, "" for none. None: `why` says why it is no such JSON.
std::optional<std::string> tool_call_body(const std::string& tool, const std::string& arguments,
                                          std::string& why);
// What is typed before an '@' may be a password, even where no scheme says that it is a URL.
std::string shown_url(const std::string& url);

// What such a question would be asked with: "method", "url", and of the rest what is given.
// "calls" says what the body does.
Json asked_json(const model::EgressCall& call);

} // namespace sluice::cli
