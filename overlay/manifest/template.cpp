#include "overlay/manifest/template.hpp"

#include <algorithm>
#include <utility>

namespace sluice::overlay {
namespace {

constexpr std::size_t kMaxShown = 40;
constexpr const char* kSources = "write ${config.<path>}, ${slots.<slot>.url} or ${item.<path>}";

bool refuse(TemplateFault& fault, const char* code, std::string message, std::string hint) {
  fault = {std::string("manifest::") + code, std::move(message), std::move(hint), {}};
  return false;
}

bool bad_interpolation(TemplateFault& fault, std::string message, std::string hint = kSources) {
  return refuse(fault, "invalid_interpolation", std::move(message), std::move(hint));
}

std::string shown_inner(std::string_view inner) {
  const bool fits = inner.size() <= kMaxShown;
  return "${" + std::string(inner.substr(0, kMaxShown)) + (fits ? "}" : "…");
}

bool bad_inner(TemplateFault& fault, std::string_view inner, const std::string& what) {
  bad_interpolation(fault, shown_inner(inner) + what);
  fault.unquoted = "a ${…}" + what;
  return false;
}

bool has_empty_segment(std::string_view path) {
  return path.empty() || path.front() == '.' || path.back() == '.' ||
         path.find("..") != std::string_view::npos;
}

void add_literal(Template& out, std::string_view text) {
  if (text.empty()) return;
  if (!out.parts.empty() && out.parts.back().kind == TemplatePart::Kind::literal) {
    out.parts.back().text += text;
  } else {
    out.parts.push_back({TemplatePart::Kind::literal, std::string(text)});
  }
}

// What stands between the braces.
bool add_reference(Template& out, std::string_view inner, TemplateFault& fault) {
  const auto dot = inner.find('.');
  const std::string_view source = inner.substr(0, dot);
  // "config." is Amber's spelling of a symbolic reference to the whole (reference §5.2).
  const std::string_view path =
      dot == std::string_view::npos ? std::string_view() : inner.substr(dot + 1);
  TemplatePart part;
  if (source == "config") {
    part.kind = TemplatePart::Kind::config;
  } else if (source == "slots") {
    part.kind = TemplatePart::Kind::slot;
  } else if (source == "item") {
    part.kind = TemplatePart::Kind::item;
  } else {
    return bad_inner(fault, inner, " is no interpolation");
  }
  if (!path.empty() && has_empty_segment(path)) {
    return bad_inner(fault, inner, " has an empty part between dots");
  }
  part.text = std::string(path);
  out.parts.push_back(std::move(part));
  return true;
}

// The whole of "$${config.p}".
bool read_symbolic(Template& out, std::string_view text, TemplateFault& fault) {
  const auto end = text.find('}');
  if (!text.starts_with("$${") || end + 1 != text.size()) {
    return bad_interpolation(fault, "a $${…} must be the whole string",
                             "use ${…} for the value inside a longer string");
  }
  if (!add_reference(out, text.substr(3, end - 3), fault)) return false;
  if (out.parts.back().kind != TemplatePart::Kind::config) {
    return bad_interpolation(fault, "a $${…} names something else than config",
                             "write $${config.<path>}");
  }
  out.parts.back().kind = TemplatePart::Kind::symbolic;
  return true;
}

bool read_parts(Template& out, std::string_view text, TemplateFault& fault) {
  for (;;) {
    const auto open = text.find("${");
    add_literal(out, text.substr(0, open));
    if (open == std::string_view::npos) return true;
    text.remove_prefix(open + 2);
    const auto close = text.find('}');
    if (close == std::string_view::npos) {
      return bad_interpolation(fault, "a ${ is not closed", "close it with }");
    }
    if (!add_reference(out, text.substr(0, close), fault)) return false;
    text.remove_prefix(close + 1);
  }
}

bool bad_path(TemplateFault& fault, const char* code, std::string_view key, std::string hint) {
  return refuse(fault, code, std::string(key) + " does not name a path", std::move(hint));
}

std::optional<PathRef> split_path(std::string_view text) {
  PathRef out;
  const auto dot = text.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const std::string_view source = text.substr(0, dot);
  if (source != "config" && source != "slots") return std::nullopt;
  out.source = source == "slots" ? PathRef::Source::slots : PathRef::Source::config;
  out.path = std::string(text.substr(dot + 1));
  if (has_empty_segment(out.path)) return std::nullopt;
  return out;
}

const char* source_of(TemplatePart::Kind kind) {
  switch (kind) {
  case TemplatePart::Kind::literal: return "";
  case TemplatePart::Kind::config:
  case TemplatePart::Kind::symbolic: return "config";
  case TemplatePart::Kind::slot: return "slots";
  case TemplatePart::Kind::item: return "item";
  }
  return "";
}

bool read_json_part(const Json& part, Template& out, TemplateFault& fault) {
  const auto text = [&](const char* key) -> const std::string* {
    const auto at = part.find(key);
    return at == part.end() ? nullptr : at->get_ptr<const std::string*>();
  };
  if (part.is_object() && part.size() == 1) {
    if (const auto* literal = text("lit")) return add_literal(out, *literal), true;
    if (const auto* config = text("config"))
      return add_reference(out, config->empty() ? "config" : "config." + *config, fault);
    if (const auto* item = text("item"))
      return add_reference(out, item->empty() ? "item" : "item." + *item, fault);
  }
  return bad_interpolation(fault, "a part is not one of lit, config or item",
                           "a slot can be named in a string only");
}

} // namespace

bool Template::is_literal() const noexcept {
  return parts.empty() || (parts.size() == 1 && parts[0].kind == TemplatePart::Kind::literal);
}

std::optional<Template> parse_program_string(std::string_view text, TemplateFault& fault) {
  Template out;
  if (!read_parts(out, text, fault)) return std::nullopt;
  return out;
}

std::optional<Template> parse_config_string(std::string_view text, TemplateFault& fault) {
  Template out;
  const bool symbolic = text.find("$${") != std::string_view::npos;
  if (!(symbolic ? read_symbolic(out, text, fault) : read_parts(out, text, fault))) {
    return std::nullopt;
  }
  return out;
}

Template literal_template(std::string_view text) {
  Template out;
  add_literal(out, text);
  return out;
}

std::string to_string(const Template& value) {
  std::string out;
  for (const TemplatePart& part : value.parts) {
    if (part.kind == TemplatePart::Kind::literal) {
      out += part.text;
      continue;
    }
    out += part.kind == TemplatePart::Kind::symbolic ? "$${" : "${";
    out += source_of(part.kind);
    if (!part.text.empty()) out += '.' + part.text;
    out += '}';
  }
  return out;
}

bool has_interpolation(std::string_view text) noexcept {
  return text.find("${") != std::string_view::npos;
}

SlotQuery slot_query(std::string_view text) {
  const auto dot = text.find('.');
  if (dot == std::string_view::npos) return {std::string(text), ""};
  return {std::string(text.substr(0, dot)), std::string(text.substr(dot + 1))};
}

std::optional<PathRef> parse_when(std::string_view text, TemplateFault& fault) {
  auto out = split_path(text);
  if (!out) bad_path(fault, "invalid_when_path", "when", "write config.<path> or slots.<slot>");
  return out;
}

std::optional<PathRef> parse_each(std::string_view text, TemplateFault& fault) {
  auto out = split_path(text);
  const bool field =
      out && out->source == PathRef::Source::slots && out->path.find('.') != std::string::npos;
  if (!out || field) {
    bad_path(fault, "invalid_each_path", "each", "write slots.<slot> or config.<path>");
    return std::nullopt;
  }
  return out;
}

std::string to_string(const PathRef& value) {
  return (value.source == PathRef::Source::slots ? "slots." : "config.") + value.path;
}

Json parts_to_json(const Template& value, std::int64_t scope) {
  Json out = Json::array();
  for (const TemplatePart& part : value.parts) {
    switch (part.kind) {
    case TemplatePart::Kind::literal: out.push_back({{"lit", part.text}}); break;
    case TemplatePart::Kind::config:
    case TemplatePart::Kind::symbolic: out.push_back({{"config", part.text}}); break;
    case TemplatePart::Kind::slot: out.push_back({{"slot", part.text}, {"scope", scope}}); break;
    case TemplatePart::Kind::item: out.push_back({{"item", part.text}}); break;
    }
  }
  return out;
}

std::optional<Template> parts_from_json(const Json& list, TemplateFault& fault) {
  Template out;
  if (!list.is_array()) {
    bad_interpolation(fault, "the parts of a string are not a list");
    return std::nullopt;
  }
  for (const Json& part : list) {
    if (!read_json_part(part, out, fault)) return std::nullopt;
  }
  return out;
}

} // namespace sluice::overlay
