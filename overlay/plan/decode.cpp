#include "overlay/plan/decode.hpp"

#include "overlay/manifest/json5.hpp"
#include "overlay/manifest/parse_context.hpp"
#include "overlay/plan/plan_text.hpp"
#include "policy/base/printable.hpp"

#include <utility>

namespace sluice::overlay {
namespace {

bool is_set(const Reader& at) {
  return at.present() && at.node()->kind != Node::Kind::null;
}

// What is wrong with a string, not with the shape it stands in.
bool is_of_string(const Diagnostic& problem) {
  return problem.code == "manifest::invalid_interpolation" ||
         problem.code == "manifest::invalid_mount_source";
}

class PlanParser {
 public:
  explicit PlanParser(const Document& document) noexcept
      : context_(document, no_files_, Quote::nothing) {}

  InterpositionPlan run() {
    InterpositionPlan out;
    Reader root = context_.root();
    for (Reader& item : root.required("interpositions").items()) {
      out.interpositions.push_back(parse_interposition(item));
      if (problems_.size() >= kMaxPlanProblems) return out; // it is no plan anyway
    }
    root.finish();
    keep_problems(nullptr);
    return out;
  }

  Diagnostics take_problems() { return std::move(problems_); }

 private:
  Interposition parse_interposition(Reader& at) {
    Interposition out;
    out.written = to_json(*at.node());
    out.interposer = parse_interposer(at.required("interposer"));
    for (Reader& item : at.required("attachments").items()) {
      out.attachments.push_back(parse_attachment(item));
    }
    at.finish();
    keep_problems(&out.interposer);
    return out;
  }

  Interposer parse_interposer(Reader at) {
    Interposer out;
    if (!at.present()) return out;
    Manifest parts;
    if (Reader program = at.at("program"); is_set(program)) {
      parts.program = parse_program(program, context_, parts, ProgramText::lowered);
    }
    parse_slots(at.at("slots"), context_, parts);
    parse_provides(at.at("provides"), context_, parts);
    parse_resources(at.at("resources"), context_, parts);
    Reader config = at.at("config"), schema = at.at("config_schema"), meta = at.at("metadata");
    if (is_set(config)) out.config = to_json(*config.node());
    if (is_set(schema)) out.config_schema = to_json(*schema.node());
    if (is_set(meta)) out.metadata = to_json(*meta.node());
    if (out.config_schema) schema.members(); // says when it is no map
    at.finish();
    out.program = std::move(parts.program);
    out.slots = std::move(parts.slots);
    out.provides = std::move(parts.provides);
    out.resources = std::move(parts.resources);
    return out;
  }

  Attachment parse_attachment(Reader& at) {
    Attachment out;
    out.target = parse_target(at.required("target"));
    out.slot = parse_name(at.required("interposer_slot"));
    out.provide = parse_name(at.required("interposer_provide"));
    at.finish();
    return out;
  }

  static std::uint64_t parse_target(const Reader& at) {
    if (!at.present()) return 0;
    const Json number = to_json(*at.node());
    if (number.is_number_unsigned()) return number.get<std::uint64_t>();
    if (number.is_number_integer() && number.get<std::int64_t>() >= 0) {
      return static_cast<std::uint64_t>(number.get<std::int64_t>());
    }
    at.error("expected an edge of the scope, a whole number from 0");
    return 0;
  }

  std::string parse_name(Reader at) {
    auto name = context_.text(at);
    if (name && name->find('.') != std::string::npos) at.error("names hold no dot");
    return std::move(name).value_or("");
  }

  // Of the interposition that was read last.
  void keep_problems(Interposer* interposer) {
    for (Diagnostic& one : context_.take()) {
      if (one.level != Diagnostic::Level::error) continue;
      if (interposer == nullptr || !is_of_string(one)) {
        problems_.push_back(std::move(one));
      } else if (interposer->template_fault.empty()) {
        const auto inner =
            one.pointer.find("/interposer/") + std::string_view("/interposer").size();
        interposer->template_fault = shown_path(one.pointer.substr(inner)) + ": " + one.message;
      }
    }
  }

  const ReadFile no_files_;
  ParseContext context_;
  Diagnostics problems_;
};

Diagnostic not_json(std::string_view body, const std::string& overlay) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const auto begin = body.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) {
    return {Diagnostic::Level::error, overlay, 0, 0, "", "the answer is empty, and no JSON", ""};
  }
  body = body.substr(begin, body.find_last_not_of(kBlanks) + 1 - begin);
  const std::string_view start = cut_text(body, kMaxPlanPreview);
  std::string message = "the answer is no JSON: " + printable(start);
  if (start.size() < body.size()) {
    message += "… (truncated, " + std::to_string(body.size()) + " bytes)";
  }
  return {Diagnostic::Level::error, overlay, 0, 0, "", std::move(message), ""};
}

void add_problems(Diagnostics problems, Diagnostics& out) {
  if (problems.size() > kMaxPlanProblems) problems.resize(kMaxPlanProblems);
  for (Diagnostic& one : problems) {
    const std::string path = shown_path(one.pointer);
    one.message = (path.empty() ? "" : path + ": ") + printable(one.message);
    one.hint = printable(one.hint);
    one.pointer.clear();
    one.code = kPlanDecodeCode;
    out.push_back(std::move(one));
  }
}

} // namespace

std::optional<InterpositionPlan> decode_plan(std::string_view body, const std::string& overlay,
                                             Diagnostics& out) {
  if (body.size() > kMaxPlanBytes) {
    add_problems(
        {{Diagnostic::Level::error, overlay, 0, 0, "", "the answer is larger than 1 MiB", ""}},
        out);
    return std::nullopt;
  }
  if (!Json::accept(body)) {
    out.push_back(not_json(body, overlay));
    out.back().code = kPlanDecodeCode;
    return std::nullopt;
  }
  Diagnostics problems;
  const auto document = parse_json5(body, overlay, problems); // of which JSON is a part
  InterpositionPlan plan;
  if (document) {
    PlanParser parser(*document);
    plan = parser.run();
    problems = parser.take_problems();
  }
  const bool whole = problems.empty();
  add_problems(std::move(problems), out);
  if (!whole) return std::nullopt;
  return plan;
}

} // namespace sluice::overlay
