#include "proxy/call/credentials.hpp"

#include "policy/base/bytes.hpp"
#include "proxy/call/aws_sigv4.hpp"

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

// What AWS wants to be signed where it is there, and no more: the rest may change on the way.
bool is_signed(std::string_view name) {
  return name == "host" || name == "content-type" || name == "content-md5" ||
         name.starts_with("x-amz-");
}

// A server that reads the query as a form and one that does not must not differ in what was signed.
void write_plus_as_space(std::string& target) {
  const auto query = target.find('?');
  if (query == std::string::npos) return;
  for (auto at = target.find('+', query); at != std::string::npos; at = target.find('+', at))
    target.replace(at, 1, "%20");
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

std::vector<std::pair<std::string, const Secret*>> secrets_of(const CredentialValue& one) {
  if (one.what.type != Type::aws_sigv4) return {{one.what.id(), &one.value}};
  std::vector<std::pair<std::string, const Secret*>> out = {
      {one.what.id() + ".access_key", &one.access_key},
      {one.what.id() + ".secret_key", &one.value}};
  if (!one.session_token.empty())
    out.emplace_back(one.what.id() + ".session_token", &one.session_token);
  return out;
}

bool same_secrets(const CredentialValue& a, const CredentialValue& b) {
  return a.value.reveal() == b.value.reveal() && a.access_key.reveal() == b.access_key.reveal() &&
         a.session_token.reveal() == b.session_token.reveal();
}

std::string_view unfit(const CredentialValue& one) {
  if (one.what.type == Type::query) return "";
  const auto holds = [](const Secret& value, std::string_view parts) {
    const auto text = value.reveal();
    return std::any_of(text.begin(), text.end(), [&](char c) {
      return static_cast<unsigned char>(c) < ' ' || c == '\x7f' || parts.find(c) != parts.npos;
    });
  };
  if (holds(one.access_key, " ,/=")) return "its access key holds a blank, ',', '/' or '='";
  if (holds(one.value, "") || holds(one.session_token, ""))
    return "its value holds a line end or another control character";
  return "";
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
    for (auto& place : model::places_of(one->what)) {
      if (std::find(places.begin(), places.end(), place) != places.end()) {
        return make_error(Origin::config, "credential_conflict",
                          "two rules put different credentials into " + place);
      }
      places.push_back(std::move(place));
    }
    out.parts_.push_back(one);
  }
  return out;
}

void Login::make_room(wire::Fields& fields, std::string& target) const {
  for (const CredentialValue* one : parts_) {
    for (const auto& place : model::places_of(one->what)) {
      if (place.starts_with('?')) {
        remove_parameter(target, std::string_view(place).substr(1));
        continue;
      }
      const auto name = as_cgi_reads(place);
      std::erase_if(fields.all(),
                    [&](const wire::Field& field) { return as_cgi_reads(field.name) == name; });
    }
  }
}

void Login::put_into(wire::RequestHead& head) const {
  for (const CredentialValue* one : parts_) {
    switch (one->what.type) {
    case Type::header:
    case Type::basic: head.fields.add(one->what.place, header_value(*one)); break;
    case Type::query:
      head.target += head.target.find('?') == std::string::npos ? '?' : '&';
      head.target += one->what.place + '=' + percent_encoded(one->value.reveal());
      break;
    case Type::aws_sigv4: break; // sign()
    }
  }
}

const CredentialValue* Login::signing() const noexcept {
  const auto found = std::find_if(parts_.begin(), parts_.end(), [](const CredentialValue* one) {
    return one->what.type == Type::aws_sigv4;
  });
  return found == parts_.end() ? nullptr : *found;
}

const model::Credential* Login::signer() const noexcept {
  const auto* one = signing();
  return one == nullptr ? nullptr : &one->what;
}

// Its chunks lie inside the body, with a signature or a checksum of what the agent had.
std::string Login::cannot_sign(const wire::Fields& fields) const {
  if (signing() == nullptr) return "";
  for (const auto& field : fields.all()) {
    const auto name = as_cgi_reads(field.name), value = ascii_lower(field.value);
    const bool chunks =
        (name == "content-encoding" && value.find("aws-chunked") != std::string::npos) ||
        (name == "x-amz-content-sha256" && value.find("streaming-") != std::string::npos) ||
        name == "x-amz-trailer";
    if (chunks)
      return "a body in aws-chunked cannot be signed again: set "
             "AWS_REQUEST_CHECKSUM_CALCULATION=when_required";
  }
  return "";
}

void Login::sign(wire::RequestHead& head, std::string_view payload, std::int64_t now) const {
  const auto* one = signing();
  if (one == nullptr) return;
  write_plus_as_space(head.target);
  const auto date = aws_date(now);
  head.fields.set("x-amz-date", date);
  head.fields.set("x-amz-content-sha256", payload);
  if (!one->session_token.empty())
    head.fields.set("x-amz-security-token", one->session_token.reveal());
  AwsRequest request{head.method, head.target, {}, payload};
  for (const auto& field : head.fields.all()) {
    if (is_signed(ascii_lower(field.name))) request.headers.push_back(field);
  }
  const AwsSigner signer{one->what.service, one->what.region, one->access_key, one->value};
  head.fields.set("authorization", aws_authorization(request, signer, date));
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
