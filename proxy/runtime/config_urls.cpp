#include "proxy/runtime/config_urls.hpp"

#include "certs/card_signer.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace sluice::runtime {
namespace {

using call::CardDuty;
constexpr std::array<Word<CardDuty>, 3> kCardDuties = {
    {{"refuse", CardDuty::refuse}, {"sign", CardDuty::sign}, {"keep", CardDuty::keep}}};
constexpr std::string_view kAddressHint =
    "write http://host:port/path, or the same with https or amber";

// "" when it is none; a problem is reported then.
std::string url_address(Reader at) {
  const auto text = at.string();
  if (!text) return "";
  const auto why = call::why_no_address(*text);
  if (!why.empty()) at.error("not an address to rewrite: " + why, std::string(kAddressHint));
  return why.empty() ? *text : "";
}

std::shared_ptr<const call::UrlTable> url_table(Reader at) {
  auto table = std::make_shared<call::UrlTable>();
  for (Reader& item : at.items()) {
    auto from = item.required("from");
    const auto before = url_address(from);
    const auto after = url_address(item.required("to"));
    item.finish();
    if (before.empty() || after.empty()) continue;
    if (const auto why = table->add(before, after); !why.empty())
      from.error(why, "each address once, at most " + std::to_string(call::kMaxUrlMappings) +
                          "; on loopback one port is one address, whatever the host is called");
  }
  if (table->empty()) return nullptr;
  return table;
}

bool is_key_id(std::string_view text) {
  constexpr std::size_t kMost = 256;
  return text.size() <= kMost && std::all_of(text.begin(), text.end(), [](char c) {
           return c > ' ' && c <= '~' && c != '"' && c != '\\';
         });
}

void cards(Reader& at, const std::filesystem::path& folder, io::ListenerSettings& listener,
           call::UrlRules& rules) {
  auto duty = at.at("cards");
  auto key = at.at("card_key");
  auto id = at.at("card_key_id");
  if (const auto file = key.string())
    listener.card_key = (folder / *file).lexically_normal().string();
  rules.cards =
      duty.one_of(kCardDuties).value_or(key.present() ? CardDuty::sign : CardDuty::refuse);
  if (rules.cards == CardDuty::sign && !key.present())
    duty.error("there is no key to sign cards with", "name its file: card_key: card.key");
  if (rules.cards != CardDuty::sign && key.present())
    key.error("no card is signed with it", "write cards: sign, or leave it out");
  if (id.present() && !key.present()) id.error("there is no key that it names", "add card_key");
  rules.card_key_id = id.string().value_or("");
  if (!is_key_id(rules.card_key_id))
    id.error("not a name for a key", "at most 256 printable characters, no quotes");
}

} // namespace

void read_urls(Reader at, const std::filesystem::path& folder, io::ListenerSettings& listener) {
  if (!at.present()) return;
  auto rules = std::make_shared<call::UrlRules>();
  auto request = at.at("request");
  auto response = at.at("response");
  rules->request = url_table(request);
  rules->response = url_table(response);
  cards(at, folder, listener, *rules);
  const bool is_map = at.node()->is_map();
  at.finish();
  if (is_map && !request.present() && !response.present())
    at.error("it names no address", "add request, response or both");
  listener.urls = std::move(rules);
}

Result<> load_card_keys(std::vector<io::ListenerSettings>& listeners) {
  for (auto& listener : listeners) {
    if (listener.card_key.empty()) continue;
    SLUICE_TRY(auto&& loaded, certs::CardSigner::load(listener.card_key));
    const auto key = std::make_shared<const certs::CardSigner>(std::move(loaded));
    auto rules = std::make_shared<call::UrlRules>(*listener.urls);
    auto signer = std::make_shared<call::CardSigner>();
    signer->key_id = rules->card_key_id.empty() ? key->fingerprint() : rules->card_key_id;
    signer->sign = [key](std::string_view text) { return key->sign(text); };
    rules->signer = std::move(signer);
    listener.urls = std::move(rules);
  }
  return success();
}

std::vector<std::string> card_keys(const std::vector<io::ListenerSettings>& listeners) {
  std::vector<std::string> out;
  for (const auto& one : listeners) {
    if (!one.card_key.empty()) out.push_back(one.card_key);
  }
  return out;
}

} // namespace sluice::runtime
