#include "proxy/call/credentials.hpp"

#include "policy/base/bytes.hpp"

#include <algorithm>
#include <utility>

namespace sluice::call {
namespace {

using Type = model::Credential::Type;

// CGI (RFC 3875 §4.1.18) makes '-' of a field's name the same as '_'.
std::string as_cgi_reads(std::string_view name) {
  std::string out = ascii_lower(name);
  std::replace(out.begin(), out.end(), '_', '-');
  return out;
}

void remove_parameter(std::string& target, std::string_view name) {
  const auto query = target.find('?');
  if (query == std::string::npos) return;
  const std::string all = target.substr(query + 1);
  target.resize(query);
  char before = '?';
  for (std::size_t at = 0; at <= all.size();) {
    const auto end = std::min(all.find('&', at), all.size());
    const auto one = std::string_view(all).substr(at, end - at);
    if (!equal_ignore_case(percent_decoded(one.substr(0, one.find('='))), name)) {
      target += std::exchange(before, '&');
      target += one;
    }
    at = end + 1;
  }
}

std::string place_of(const model::Credential& one) {
  return (one.type == Type::query ? "?" : "") + one.place;
}

std::string header_value(const CredentialValue& one) {
  const std::string value(one.value.reveal());
  if (one.what.type == Type::basic) return "Basic " + to_base64(one.what.username + ":" + value);
  constexpr std::string_view kValue = "{value}";
  std::string out = one.what.format;
  out.replace(out.find(kValue), kValue.size(), value);
  return out;
}

} // namespace

std::string_view unfit(const CredentialValue& one) {
  if (one.what.type == Type::query) return "";
  const auto value = one.value.reveal();
  const bool control = std::any_of(value.begin(), value.end(), [](char c) {
    return static_cast<unsigned char>(c) < ' ' || c == '\x7f';
  });
  return control ? "its value holds a line end or another control character" : "";
}

const CredentialValue* CredentialSet::find(std::string_view id) const noexcept {
  const auto found = std::find_if(all_.begin(), all_.end(),
                                  [&](const CredentialValue& one) { return one.what.id() == id; });
  return found == all_.end() ? nullptr : &*found;
}

Result<Login> Login::make(std::shared_ptr<const CredentialSet> all,
                          const std::vector<std::string>& ids) {
  Login out;
  out.all_ = std::move(all);
  std::vector<std::string> places;
  for (const std::string& id : ids) {
    const auto* one = out.all_ ? out.all_->find(id) : nullptr;
    if (one == nullptr)
      return make_error(Origin::config, "credential_conflict", "the credential " + id + " is gone");
    auto place = place_of(one->what);
    if (std::find(places.begin(), places.end(), place) != places.end()) {
      return make_error(Origin::config, "credential_conflict",
                        "two rules put different credentials into " + place);
    }
    places.push_back(std::move(place));
    out.parts_.push_back(one);
  }
  return out;
}

void Login::make_room(wire::Fields& fields, std::string& target) const {
  for (const CredentialValue* one : parts_) {
    if (one->what.type == Type::query) {
      remove_parameter(target, one->what.place);
    } else {
      const auto name = as_cgi_reads(one->what.place);
      std::erase_if(fields.all(),
                    [&](const wire::Field& field) { return as_cgi_reads(field.name) == name; });
    }
  }
}

void Login::put_into(wire::RequestHead& head) const {
  for (const CredentialValue* one : parts_) {
    if (one->what.type != Type::query) {
      head.fields.add(one->what.place, header_value(*one));
      continue;
    }
    head.target += head.target.find('?') == std::string::npos ? '?' : '&';
    head.target += one->what.place + '=' + percent_encoded(one->value.reveal());
  }
}

bool holds_placeholder(const wire::Fields& fields, std::string_view target) {
  const auto holds = [](std::string_view text) {
    const auto npos = std::string_view::npos;
    return text.find(model::kCredentialMark) != npos ||
           (text.find('%') != npos && percent_decoded(text).find(model::kCredentialMark) != npos);
  };
  return holds(target) || std::any_of(fields.all().begin(), fields.all().end(),
                                      [&](const wire::Field& field) { return holds(field.value); });
}

} // namespace sluice::call
