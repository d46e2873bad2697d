// sluice policy import
#include "certs/files.hpp"
#include "policy/base/document.hpp"
#include "policy/base/printable.hpp"
#include "policy/import/import.hpp"
#include "proxy/cli/policy_author.hpp"

#include <cerrno>
#include <fstream>
#include <iostream>
#include <memory>
#include <system_error>

namespace sluice::cli {
namespace {

using import::Source;

struct ImportOptions {
  std::string from, file, to;
};

std::string lossy_text(const std::string& file, const import::Lossy& one) {
  std::string out = file + ':' + std::to_string(one.line) + ": lossy: ";
  out += (one.pointer.empty() ? "" : one.pointer + ": ") + one.what;
  return printable(one.hint.empty() ? out : out + " (" + one.hint + ')') + '\n';
}

int import_file(const Output& out, const ImportOptions& options) {
  errno = 0;
  std::ifstream in(options.file, std::ios::binary);
  std::string text(kMaxDocumentBytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!in && !in.eof()) {
    return out.fail(kUsage, "file_unreadable",
                    options.file + ": " +
                        std::generic_category().message(errno == 0 ? EIO : errno));
  }
  text.resize(static_cast<std::size_t>(in.gcount()));
  Diagnostics problems;
  const auto source = options.from == "cavra" ? Source::cavra : Source::agentpaas;
  const auto imported = import::import_policy(source, text, options.file, problems);
  if (!imported) return out.fail(problems);
  if (!options.to.empty()) {
    if (auto made = certs::write_new_file(options.to, imported->policy, 0644); !made)
      return out.fail(made.error());
  }
  Json lossy = Json::array();
  for (const auto& one : imported->lossy) {
    lossy.push_back(
        {{"line", one.line}, {"pointer", one.pointer}, {"what", one.what}, {"hint", one.hint}});
    if (!out.json()) std::cerr << lossy_text(options.file, one);
  }
  out.print({{"from", options.from}, {"policy", imported->policy}, {"lossy", lossy}},
            options.to.empty() ? imported->policy : "wrote " + options.to + "\n");
  return kDone;
}

} // namespace

void add_policy_import_command(CLI::App& group, Program& program) {
  auto options = std::make_shared<ImportOptions>();
  auto* verb =
      add_verb(group, program, "import",
               "another tool's policy as one of ours; what is lost is listed and stays closed",
               "sluice policy import --from agentpaas their-policy.yaml --to policy.yaml",
               [options](const Output& out) { return import_file(out, *options); });
  verb->add_option("--from", options->from, "whose policy it is: agentpaas or cavra")
      ->required()
      ->check(CLI::IsMember({"agentpaas", "cavra"}));
  verb->add_option("FILE", options->file, "AgentPaaS's policy.yaml, or a policy pack of CAVRA")
      ->required();
  verb->add_option("--to", options->to, "where to write it (default: stdout); never over a file");
}

} // namespace sluice::cli
