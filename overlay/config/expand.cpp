#include "overlay/config/expand.hpp"

#include "overlay/config/evaluate.hpp"
#include "policy/base/diagnostic.hpp"

#include <charconv>
#include <set>
#include <utility>

namespace sluice::overlay {
namespace {

// A list, or one nothing for what is not repeated.
using Repeats = std::vector<const Json*>;

class Expansion {
 public:
  Expansion(const Program& program, const ExpandInput& input,
            std::vector<ConfigFault>& faults) noexcept
      : program_(program), input_(input), faults_(faults) {}

  ExpandedProgram run() {
    const bool image = program_.form == Program::Form::image;
    if (program_.form != Program::Form::builtin) {
      out_.location = text(program_.location, nullptr, image ? "/image" : "/path");
    }
    for (std::size_t i = 0; i < program_.command.size(); ++i) {
      command(program_.command[i], (image ? "/entrypoint/" : "/args/") + std::to_string(i));
    }
    for (const auto& [name, value] : program_.env) {
      env(name, value, "/env/" + pointer_token(name));
    }
    for (std::size_t i = 0; i < program_.endpoints.size(); ++i) {
      endpoint(program_.endpoints[i], "/network/endpoints/" + std::to_string(i));
    }
    for (std::size_t i = 0; i < program_.mounts.size(); ++i) {
      mount(program_.mounts[i], "/mounts/" + std::to_string(i));
    }
    return std::move(out_);
  }

 private:
  void fault(const std::string& at, std::string message) {
    constexpr std::size_t kMaxFaults = 100;
    if (faults_.size() < kMaxFaults) faults_.push_back({at, std::move(message), ""});
  }

  // The slot as programs see it; null when nothing is bound to it.
  Json slot(const std::string& name, const std::string& field) const {
    const auto urls = input_.urls ? input_.urls(name) : std::vector<std::string>();
    if (urls.empty()) return nullptr;
    if (field == "url") return urls.front();
    return {{"url", urls.front()}};
  }

  Json slot_items(const std::string& name) const {
    Json out = Json::array();
    if (!input_.urls) return out;
    for (const std::string& url : input_.urls(name)) out.push_back({{"url", url}});
    return out;
  }

  Json all_slots() const {
    Json out = Json::object();
    for (const std::string& name : input_.slots) {
      Json items = slot_items(name);
      if (items.size() == 1) out[name] = items[0];
      if (items.size() > 1) out[name] = std::move(items);
    }
    return out;
  }

  bool holds(const std::optional<PathRef>& when) const {
    if (!when) return true;
    if (when->source == PathRef::Source::config) {
      const Json* found = value_at_path(input_.config, when->path);
      return found != nullptr && !found->is_null();
    }
    const SlotQuery query = slot_query(when->path);
    return !slot(query.slot, query.field).is_null();
  }

  // What `each` goes through is kept in `items`.
  Repeats repeats(const std::optional<PathRef>& each, const std::string& at, Json& items) {
    if (!each) return {nullptr};
    if (each->source == PathRef::Source::slots) {
      items = slot_items(each->path);
    } else {
      const Json* found = value_at_path(input_.config, each->path);
      if (found == nullptr || found->is_null()) return {};
      if (!found->is_array()) {
        fault(at + "/each", "config." + each->path + " is no list");
        return {};
      }
      items = *found;
    }
    Repeats out;
    for (const Json& item : items) out.push_back(&item);
    return out;
  }

  std::string text(const Template& value, const Json* item, const std::string& at) {
    std::string out;
    for (const TemplatePart& part : value.parts) {
      out += piece(part, item, at);
      if (out.size() > kMaxExpandedBytes) break;
    }
    if (out.find('\0') != std::string::npos) fault(at, "the value holds a NUL");
    written_ += out.size();
    if (written_ <= kMaxExpandedBytes) return out;
    if (!std::exchange(too_large_, true)) fault(at, "the program's strings are over 8 MiB");
    return "";
  }

  std::string piece(const TemplatePart& part, const Json* item, const std::string& at) {
    const auto absent = [&](const char* source) {
      fault(at, std::string(source) + (part.text.empty() ? "" : ".") + part.text +
                    " has no value here");
      return std::string();
    };
    switch (part.kind) {
    case TemplatePart::Kind::literal: return part.text;
    case TemplatePart::Kind::config:
    case TemplatePart::Kind::symbolic: {
      const Json* found = value_at_path(input_.config, part.text);
      return found == nullptr ? absent("config") : text_of(*found);
    }
    case TemplatePart::Kind::item: {
      const Json* found = item == nullptr ? nullptr : value_at_path(*item, part.text);
      return found == nullptr ? absent("item") : text_of(*found);
    }
    case TemplatePart::Kind::slot: {
      if (part.text.empty()) return text_of(all_slots());
      const SlotQuery query = slot_query(part.text);
      const Json found = slot(query.slot, query.field);
      return found.is_null() ? absent("slots") : text_of(found);
    }
    }
    return "";
  }

  void command(const CommandItem& item, const std::string& at) {
    if (!holds(item.when)) return;
    Json items;
    std::string joined;
    const Repeats all = repeats(item.each, at, items);
    for (const Json* one : all) {
      if (too_large_) return;
      for (const Template& word : item.words) {
        std::string made = text(word, one, at);
        if (!item.join) {
          out_.command.push_back(std::move(made));
        } else {
          joined += (one == all.front() ? "" : *item.join) + made;
        }
      }
    }
    if (item.join && !all.empty()) out_.command.push_back(std::move(joined));
  }

  void env(const std::string& name, const EnvValue& value, const std::string& at) {
    if (!holds(value.when)) return;
    Json items;
    std::string joined;
    const Repeats all = repeats(value.each, at, items);
    for (const Json* one : all) {
      if (one != all.front()) joined += value.join.value_or("");
      joined += text(value.value, one, at);
    }
    if (!all.empty()) out_.env[name] = std::move(joined);
  }

  void endpoint(const Endpoint& endpoint, const std::string& at) {
    if (!holds(endpoint.when)) return;
    Json items;
    for (const Json* one : repeats(endpoint.each, at, items)) {
      ExpandedEndpoint made;
      made.name = text(endpoint.name, one, at + "/name");
      if (made.name.empty() || !names_.insert(made.name).second) {
        fault(at + "/name", "the endpoint's name is empty, or another has it");
      }
      made.port = port(endpoint, one, at + "/port");
      const auto protocol = protocol_named(text(endpoint.protocol, one, at + "/protocol"));
      if (!protocol) fault(at + "/protocol", "the protocol is not one of http, https or tcp");
      made.protocol = protocol.value_or(Protocol::http);
      out_.endpoints.push_back(std::move(made));
    }
  }

  std::uint16_t port(const Endpoint& endpoint, const Json* item, const std::string& at) {
    if (const auto* number = std::get_if<std::uint16_t>(&endpoint.port)) return *number;
    const std::string digits = text(std::get<Template>(endpoint.port), item, at);
    std::uint16_t out = 0;
    const char* end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, out);
    if (error == std::errc() && stop == end && out > 0) return out;
    fault(at, "the port is not a number from 1 to 65535");
    return 0;
  }

  void mount(const Mount& mount, const std::string& at) {
    if (!holds(mount.when)) return;
    Json items;
    for (const Json* one : repeats(mount.each, at, items)) {
      ExpandedMount made;
      made.path = text(mount.path, one, at + "/path");
      const bool absolute = made.path.starts_with('/');
      if (!absolute || (made.path + '/').find("/../") != std::string::npos ||
          !mounted_.insert(made.path).second) {
        fault(at + "/path", "the path is not absolute, holds \"..\" or is mounted on already");
      }
      TemplateFault why;
      const auto source = mount.source
                              ? mount.source
                              : parse_mount_source(text(mount.from, one, at + "/from"), why);
      if (!source) {
        fault(at + "/from", why.message);
        continue;
      }
      made.source = *source;
      if (source->kind == MountSource::Kind::config) made.content = content(*source, at + "/from");
      out_.mounts.push_back(std::move(made));
    }
  }

  std::string content(const MountSource& source, const std::string& at) {
    Template whole;
    whole.parts.push_back({TemplatePart::Kind::config, source.name});
    return text(whole, nullptr, at);
  }

  const Program& program_;
  const ExpandInput& input_;
  std::vector<ConfigFault>& faults_;
  ExpandedProgram out_;
  std::set<std::string> names_, mounted_;
  std::size_t written_ = 0;
  bool too_large_ = false;
};

} // namespace

std::optional<ExpandedProgram> expand_program(const Program& program, const ExpandInput& input,
                                              std::vector<ConfigFault>& faults) {
  const std::size_t before = faults.size();
  ExpandedProgram out = Expansion(program, input, faults).run();
  if (faults.size() > before) return std::nullopt;
  return out;
}

} // namespace sluice::overlay
