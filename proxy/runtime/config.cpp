#include "proxy/runtime/config.hpp"

#include "policy/base/reader.hpp"
#include "proxy/runtime/config_listeners.hpp"
#include "proxy/runtime/limits_table.hpp"

#include <algorithm>
#include <filesystem>
#include <limits>
#include <set>
#include <thread>
#include <utility>

namespace sluice::runtime {
namespace {

namespace fs = std::filesystem;

constexpr std::array<Word<io::Mode>, 3> kModes = {{{"dry-run", io::Mode::dry_run},
                                                   {"observe", io::Mode::observe},
                                                   {"enforce", io::Mode::enforce}}};
using engine::EngineKind;
constexpr std::array<Word<EngineKind>, 2> kEngines = {
    {{"reference", EngineKind::reference}, {"compiled", EngineKind::compiled}}};
constexpr std::array<Word<certs::UpstreamRoots>, 2> kRoots = {
    {{"system", certs::UpstreamRoots::system}, {"none", certs::UpstreamRoots::none}}};
constexpr std::array<Word<evidence::Commit>, 2> kCommits = {
    {{"written", evidence::Commit::written}, {"synced", evidence::Commit::synced}}};

class Loader {
 public:
  Loader(const Document& document, Diagnostics& out) : root_(document, out) {
    config_.file = document.file;
    folder_ = fs::path(document.file).parent_path();
  }

  Config load() {
    auto version = root_.required("version");
    if (!version.says(1) && version.present()) {
      version.error("this version of sluice.yaml is not known", "write version: 1");
    }
    config_.settings.mode = root_.at("mode").one_of(kModes).value_or(io::Mode::dry_run);
    agent(root_.at("agent"));
    identity(root_.at("identity"));
    config_.settings.listeners =
        listeners_.read(root_.required("listeners"), folder_, config_.identity.has_value());
    config_.policy_file = path(root_.required("policy"));
    config_.engine = root_.at("engine").one_of(kEngines).value_or(config_.engine);
    tls(root_.at("tls"));
    secrets(root_.at("secrets"));
    evidence(root_.at("evidence"));
    limits(root_.at("limits"));
    static_hosts(root_.at("resolve"));
    const unsigned cores = std::max(1U, std::thread::hardware_concurrency());
    config_.settings.workers =
        static_cast<unsigned>(root_.at("workers").integer(1, 256).value_or(cores));
    config_.settings.mark = static_cast<std::uint32_t>(
        root_.at("mark").integer(1, std::numeric_limits<std::uint32_t>::max()).value_or(0));
    admin(root_.at("admin"));
    signatures(root_.at("require_signature"), root_.at("trusted_policy_keys"));
    root_.finish();
    return std::move(config_);
  }

 private:
  std::string path(Reader at) {
    auto text = at.string();
    if (!text) return {};
    return (folder_ / *text).lexically_normal().string();
  }

  void remember(const Reader& at) {
    if (at.present()) config_.places[at.pointer()] = {at.node()->line, at.node()->column};
  }

  void agent(Reader at) {
    if (!at.present()) return;
    config_.settings.who.agent_id = at.at("id").string().value_or("");
    config_.settings.who.session_id = at.at("session").string().value_or("");
    config_.settings.who.run_id = at.at("run_id").string().value_or("");
    config_.log.actor = at.at("actor").string().value_or("sluice");
    at.finish();
  }

  void admin(Reader at) {
    if (!at.present()) return;
    for (auto& one : at.required("bind").one_or_items(EmptyList::refuse)) admin_address(one);
    at.finish();
  }

  void admin_address(Reader& at) {
    constexpr std::string_view kUnix = "unix:";
    const auto text = at.string();
    if (!text) return;
    if (text->starts_with(kUnix)) {
      config_.admin.emplace_back(
          (folder_ / text->substr(kUnix.size())).lexically_normal().string());
      return;
    }
    const auto parsed = model::parse_host_port(*text);
    const bool usable = parsed && parsed.value().port && parsed.value().host.is_address() &&
                        parsed.value().host.address().classify() == model::AddressClass::loopback;
    if (!usable) {
      at.error("not an address for the admin server",
               "write unix:./sluice.sock or 127.0.0.1:15000");
      return;
    }
    const io::Endpoint here{parsed.value().host.address(), *parsed.value().port};
    listeners_.alone(at, here, "the admin server");
    config_.admin.emplace_back(here);
  }

  void signatures(Reader require, Reader keys) {
    config_.require_signature = require.boolean().value_or(false);
    for (auto& file : keys.items(EmptyList::refuse)) {
      config_.trusted_policy_keys.push_back(path(file));
      remember(file);
    }
    if (config_.require_signature && !keys.present()) {
      require.error("nobody is trusted to sign the policy",
                    "name files of public keys under trusted_policy_keys");
    }
  }

  void tls(Reader at) {
    if (!at.present()) return;
    auto dir = at.at("ca_dir");
    config_.ca_dir = path(dir);
    remember(dir);
    auto roots = at.at("upstream_roots");
    config_.upstream_roots = roots.one_of(kRoots).value_or(certs::UpstreamRoots::system);
    remember(roots);
    auto extra = at.at("extra_roots");
    if (extra.present()) {
      for (auto& file : extra.items()) {
        config_.extra_roots.push_back(path(file));
        remember(file);
      }
    }
    at.finish();
  }

  void identity(Reader at) {
    if (!at.present()) return;
    auto& files = config_.identity.emplace();
    for (auto [key, file] : {std::pair("certificate", &files.certificate),
                             std::pair("key", &files.key), std::pair("roots", &files.roots)}) {
      const auto one = at.required(key);
      *file = path(one);
      remember(one);
    }
    at.finish();
  }

  void secrets(Reader at) {
    if (!at.present()) return;
    std::set<std::string> ids;
    for (Reader& item : at.items()) {
      SecretSource source;
      auto id = item.required("id");
      source.id = parse_secret_id(id);
      if (!source.id.empty() && !ids.insert(source.id).second) id.error("two secrets have this id");
      source.allow_short = item.at("allow_short").boolean().value_or(false);
      const auto value = item.required("value");
      parse_secret_value(value, source);
      if (source.from == SecretSource::From::file && !source.words.empty())
        source.words.front() = (folder_ / source.words.front()).lexically_normal().string();
      remember(value);
      item.finish();
      config_.secrets.push_back(std::move(source));
    }
  }

  void evidence(Reader at) {
    config_.log.directory = (folder_ / "evidence").string();
    if (!at.present()) return;
    auto dir = at.at("dir");
    if (dir.present()) config_.log.directory = path(dir);
    config_.log.commit = at.at("commit").one_of(kCommits).value_or(evidence::Commit::written);
    auto key = at.at("key");
    if (key.present()) config_.log.key_file = path(key);
    const auto beat = at.at("heartbeat").duration(milliseconds(10), std::chrono::seconds(60));
    if (beat) config_.log.heartbeat = *beat;
    const auto size = at.at("segment_size").size(std::uint64_t{64} << 10, 1ULL << 40);
    if (size) config_.log.segment_bytes = *size;
    const auto age =
        at.at("segment_age").duration(std::chrono::minutes(1), std::chrono::hours(8760));
    if (age) config_.log.segment_age = *age;
    retention(at);
    anchor(at.at("anchor"));
    at.finish();
  }

  void anchor(Reader at) {
    if (!at.present()) return;
    auto exec = at.at("exec");
    auto url = at.at("url");
    if (at.node()->is_map() && exec.present() + url.present() != 1) {
      at.error("expected one witness", "write {exec: [CMD, ARG]} or {url: https://…}");
    }
    if (exec.present()) config_.anchor.command = exec.strings(EmptyList::refuse);
    if (const auto text = url.string()) {
      auto parsed = model::parse_service_url(*text);
      if (parsed) {
        config_.anchor.url = std::move(parsed.value());
      } else {
        url.error("not a URL to post to: " + parsed.error().detail, "write https://host/path");
      }
    }
    at.finish();
  }

  // Only closed segments are removed: without any the limit would never hold.
  void retention(Reader& at) {
    auto size = at.at("retain_size");
    auto age = at.at("retain_age");
    const auto bytes = size.size(std::uint64_t{64} << 10, 1ULL << 50);
    if (bytes) config_.log.retention.bytes = *bytes;
    const auto time = age.duration(std::chrono::minutes(1), std::chrono::hours(24 * 3660));
    if (time) config_.log.retention.age = *time;
    const bool closes = config_.log.segment_bytes != 0 || config_.log.segment_age.count() != 0;
    for (auto* limit : {&size, &age}) {
      if (limit->present() && !closes) {
        limit->error("the log is one file that is never closed, so nothing could be removed",
                     "set segment_size or segment_age too");
      }
    }
  }

  void limits(Reader at) {
    if (!at.present()) return;
    auto& limits = config_.settings.limits;
    for (const auto& row : kDurationLimits) {
      const auto value = at.at(row.key).duration(milliseconds(1), std::chrono::hours(24));
      if (value) limits.*row.member = *value;
    }
    for (const auto& row : kSizeLimits) {
      if (const auto value = at.at(row.key).size(0, 1ULL << 40)) limits.*row.member = *value;
    }
    for (const auto& row : kHeadLimits) {
      if (const auto value = at.at(row.key).size(static_cast<std::uint64_t>(row.least),
                                                 static_cast<std::uint64_t>(row.most))) {
        limits.head.*row.member = static_cast<std::size_t>(*value);
      }
    }
    for (const auto& row : kNumberLimits) {
      if (const auto value = at.at(row.key).integer(row.least, row.most))
        limits.*row.member = static_cast<std::uint32_t>(*value);
    }
    at.finish();
  }

  void static_hosts(Reader at) {
    if (!at.present()) return;
    for (auto& [name, value] : at.members()) {
      const auto host = model::Host::parse(name);
      if (!host || host.value().is_address()) {
        value.error("the key is not a host name");
        continue;
      }
      auto& addresses = config_.settings.static_hosts[host.value().text()];
      for (const auto& text : value.strings(EmptyList::refuse)) {
        if (const auto address = model::IpAddress::parse_strict(text)) {
          addresses.push_back(*address);
        } else {
          value.error("an entry is not an address", "write addresses like 10.0.0.5");
        }
      }
    }
  }

  Reader root_;
  Config config_;
  fs::path folder_;
  ListenerReader listeners_;
};

ConfigLoad finish_load(std::optional<Document> document, Diagnostics diagnostics) {
  ConfigLoad load;
  load.diagnostics = std::move(diagnostics);
  if (!document) return load;
  Config config = Loader(*document, load.diagnostics).load();
  if (!has_errors(load.diagnostics)) load.config = std::move(config);
  return load;
}

std::string duration_text(milliseconds value) {
  if (value.count() % 1000 == 0) return std::to_string(value.count() / 1000) + "s";
  return std::to_string(value.count()) + "ms";
}

std::string size_text(std::uint64_t value) {
  if (value != 0 && value % (1 << 20) == 0) return std::to_string(value >> 20) + "MiB";
  if (value != 0 && value % 1024 == 0) return std::to_string(value >> 10) + "KiB";
  return std::to_string(value);
}

} // namespace

ConfigLoad load_config_file(const std::string& path) {
  Diagnostics diagnostics;
  auto document = load_document(path, diagnostics);
  return finish_load(std::move(document), std::move(diagnostics));
}

ConfigLoad load_config_text(std::string_view text, const std::string& file_name) {
  Diagnostics diagnostics;
  auto document = parse_document(text, file_name, diagnostics);
  return finish_load(std::move(document), std::move(diagnostics));
}

Schema config_schema() {
  Schema out;
  SchemaNode asked;
  auto document = parse_document(kCompleteConfig, "complete_config.yaml", out.problems);
  if (document) document->asked = &asked;
  auto load = finish_load(std::move(document), std::move(out.problems));
  out = asked.schema("urn:sluice:schema:config:1", "sluice.yaml");
  out.problems = std::move(load.diagnostics);
  return out;
}

std::vector<DefaultValue> config_defaults() {
  const io::Limits limits;
  std::vector<DefaultValue> out = {
      {"mode", "dry-run", "decide and record, open no upstream connection"},
      {"engine", "reference",
       "what decides: reference, or compiled, which says the same and is made for many rules"},
      {"require_signature", "false", "take a policy only when a trusted key signed it"},
      {"trusted_policy_keys", "none", "files of the public keys whose signatures count"},
      {"agent.run_id", "generated", "128 bit, sorts by time"},
      {"agent.actor", "sluice", "actor of every record"},
      {"tls.ca_dir", "none", "without it CONNECT is tunnelled by rule or refused"},
      {"tls.upstream_roots", "system", "whom to believe upstream"},
      {"identity", "none", "certificate, key and roots: who this sidecar is to other sidecars"},
      {"evidence.dir", "./evidence", "beside sluice.yaml"},
      {"evidence.commit", "written",
       "a decision has reached the kernel before the first byte leaves"},
      {"evidence.key", "signing.key in evidence.dir",
       "what signs the checkpoints; made at the start"},
      {"evidence.segment_size", "none", "close audit.jsonl as a segment when it is larger"},
      {"evidence.segment_age", "none", "the same when it was written that long"},
      {"evidence.retain_size", "none", "remove the oldest segments when the log is larger"},
      {"evidence.retain_age", "none", "remove segments whose last record is older"},
      {"evidence.anchor", "none",
       "gets each signed checkpoint: {exec: [CMD, ARG]} on its stdin, {url: https://…} by POST"},
      {"evidence.heartbeat", "60s",
       "a heartbeat record and a signed checkpoint, at least this often"},
      {"workers", "one per core", "threads that carry connections"},
      {"mark", "none", "SO_MARK of upstream sockets, for firewall rules that exempt them"},
  };
  for (const auto& row : kNumberLimits) {
    out.push_back({"limits." + std::string(row.key), std::to_string(limits.*row.member),
                   std::string(row.meaning)});
  }
  for (const auto& row : kDurationLimits) {
    out.push_back({"limits." + std::string(row.key), duration_text(limits.*row.member),
                   std::string(row.meaning)});
  }
  for (const auto& row : kSizeLimits) {
    out.push_back({"limits." + std::string(row.key), size_text(limits.*row.member),
                   std::string(row.meaning)});
  }
  for (const auto& row : kHeadLimits) {
    out.push_back({"limits." + std::string(row.key), size_text(limits.head.*row.member),
                   std::string(row.meaning)});
  }
  return out;
}

} // namespace sluice::runtime
