// Records of the evidence log for people and programs: a line each, the lines of the log as they
// are, or one JSON document, printed while they are found and never kept. Text in a record may be
// anybody's: none of it drives a terminal.
#pragma once

#include "policy/evidence/issue.hpp"
#include "policy/evidence/verify.hpp"
#include "proxy/cli/output.hpp"

#include <string>
#include <string_view>

namespace sluice::cli {

Json to_json(const evidence::Issue& issue);
std::string place_of(const std::string& dir, const evidence::Issue& issue);
Json to_json(const evidence::RecordView& record);

class RecordPrinter {
 public:
  enum class Form : std::uint8_t { text, json, ndjson };
  RecordPrinter(Form form, std::string dir) : form_(form), dir_(std::move(dir)) {}

  bool record(std::string_view line, const evidence::Line& parsed); // false: nobody reads on
  void issue(const evidence::Issue& issue); // to stderr too, so that it is seen whatever the form
  void note(const std::string& said);       // so is this
  // What ends a JSON document; nothing is printed afterwards. The exit code.
  int finish();

 private:
  void begin();

  Form form_;
  std::string dir_;
  Json issues_ = Json::array(), notes_ = Json::array();
  bool begun_ = false, first_ = true;
};

} // namespace sluice::cli
