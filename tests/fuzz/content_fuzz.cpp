// Any bytes as a body, whole or cut: what is found in them is bounded, and nothing that is not one
// certain JSON text gives an operation that an allow may take for read.
#include "policy/content/read_content.hpp"

#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace {

using namespace sluice;

void require(bool holds) {
  if (!holds) std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  model::EgressCall head;
  head.method = "POST";
  head.path = (data[0] & 2) != 0 ? "/v1/chat/completions" : "/v1beta/models/m:generateContent";
  const auto ended = (data[0] & 1) != 0 ? content::Ended::yes : content::Ended::no;
  const auto content = content::read_content(head, text, ended);
  using State = model::Content::State;
  require(content->state != State::head_only);
  if (ended == content::Ended::no) require(content->state != State::json);
  for (const auto& one : content->operations) {
    require(!one.read || content->state == State::json || !one.names.empty());
    if (one.arguments != nullptr) require(content->state == State::json);
  }
  require(model::describe(*content).size() < 4'096);
  for (const auto reading : {model::JsonReading::exactly, model::JsonReading::perhaps}) {
    for (const Node* one : model::scalars_at(content->tree, {"params", "arguments"}, reading))
      (void)model::as_path(one->text);
  }
  (void)content::request_ids(*content);
  return 0;
}
