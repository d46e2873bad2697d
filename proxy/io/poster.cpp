#include "proxy/io/poster.hpp"

#include <boost/asio/co_spawn.hpp>

#include <algorithm>
#include <chrono>
#include <exception>
#include <string>
#include <utility>

namespace sluice::io {
namespace {

constexpr auto kWithin = std::chrono::milliseconds(10'000);

} // namespace

Poster::Poster(model::ServiceUrl where, SSL_CTX* trust, Settings settings, OwnPorts& own_ports)
    : where_(std::move(where)), settings_(std::move(settings)),
      resolver_(context_.get_executor(), lookups_, settings_),
      client_(context_.get_executor(), {resolver_, trust, settings_, own_ports}, {}) {
  auto& resolve = settings_.limits.resolve_timeout;
  resolve = std::min(resolve, kWithin);
}

Poster::~Poster() = default;

Result<> Poster::post(std::string_view json) {
  context_.restart();
  std::optional<Result<ServiceAnswer>> answer;
  net::co_spawn(context_, ask(json, answer), [](const std::exception_ptr&) {});
  context_.run();
  const auto failed = [&](const std::string& why) {
    const auto name =
        std::string(model::to_string(where_.to.scheme)) + "://" + where_.to.authority();
    return make_error(Origin::upstream, "post_failed", name + ": " + why);
  };
  if (!answer) return failed("an error of ours");
  if (!*answer) {
    const auto& error = answer->error();
    return failed(error.code == kServiceLate ? "took over 10 s" : error.detail);
  }
  const int status = answer->value().status; // nobody reads what a witness says
  if (status < 200 || status > 299) return failed("answered " + std::to_string(status));
  return success();
}

Task<> Poster::ask(std::string_view json, std::optional<Result<ServiceAnswer>>& out) {
  ServiceRequest what = request(json);
  auto answer = co_await client_.ask(std::move(what), kWithin);
  out.emplace(std::move(answer));
}

ServiceRequest Poster::request(std::string_view json) const {
  ServiceRequest out;
  out.to = where_.to;
  out.body = json;
  wire::RequestHead& head = out.head;
  head.method = "POST";
  head.target = where_.target;
  head.fields.add("Host", where_.to.authority());
  head.fields.add("Content-Type", "application/json");
  head.fields.add("User-Agent", "sluice/" SLUICE_VERSION);
  head.framing = wire::BodyFraming::length;
  head.content_length = json.size();
  return out;
}

} // namespace sluice::io
