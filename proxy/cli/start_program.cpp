#include "proxy/cli/start_program.hpp"

#include "certs/files.hpp"
#include "overlay/compose/packed_program.hpp"
#include "overlay/config/root_values.hpp"
#include "policy/evidence/file.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <utility>

namespace sluice::cli {
namespace {

using overlay::PackedProgram;
using Texts = std::map<std::string, std::string>;

constexpr std::size_t kMaxPacked = 32U << 20, kMaxSecret = 1U << 20;

void tell_of(const std::string& file, std::string message, Diagnostics& out) {
  Diagnostic problem;
  problem.file = file;
  problem.message = std::move(message);
  out.push_back(std::move(problem));
}

std::optional<overlay::Json> read_json_file(const std::string& file, Diagnostics& out) {
  const auto text = evidence::read_file(file, kMaxPacked);
  if (!text) return tell_of(file, text.error().detail, out), std::nullopt;
  auto value = overlay::Json::parse(text.value(), nullptr, false);
  if (value.is_discarded()) return tell_of(file, "this is no JSON", out), std::nullopt;
  return value;
}

std::optional<PackedProgram> load_packed(const std::string& file, Diagnostics& out) {
  auto document = read_json_file(file, out);
  if (!document) return std::nullopt;
  const std::string cut_file =
      document->is_object() && document->contains("cut_file") && (*document)["cut_file"].is_string()
          ? (*document)["cut_file"].get<std::string>()
          : "";
  if (!cut_file.empty()) {
    const auto cut = read_json_file(cut_file, out);
    if (!cut) return std::nullopt;
    document = overlay::put_back(std::move(*document), *cut);
    if (!document) return tell_of(cut_file, "is not of " + file, out), std::nullopt;
  }
  return overlay::parse_packed(*document, out);
}

// The line end that editors put behind a secret is no part of it.
Texts given_values(const PackedProgram& packed, Diagnostics& out) {
  Texts all;
  for (char** one = environ; one != nullptr && *one != nullptr; ++one) {
    const std::string_view text = *one;
    const auto equals = text.find('=');
    if (text.starts_with(overlay::kConfigVariablePrefix) && equals != text.npos)
      all[std::string(text.substr(0, equals))] = std::string(text.substr(equals + 1));
  }
  for (const auto& [variable, file] : packed.secret_files) {
    auto text = evidence::read_file(file, kMaxSecret);
    if (!text) {
      tell_of(file,
              "the secret cannot be read; is it a file that everybody may read? " +
                  text.error().detail,
              out);
      continue;
    }
    std::string& value = text.value();
    while (value.ends_with('\n') || value.ends_with('\r')) value.pop_back();
    all[variable] = value;
  }
  return all;
}

void write_files(const Texts& files, Diagnostics& out) {
  for (const auto& [path, text] : files) {
    std::error_code error;
    const auto folder = std::filesystem::path(path).parent_path();
    std::filesystem::create_directories(folder, error);
    if (error) {
      tell_of(folder.string(), error.message(), out);
      continue;
    }
    const auto written = certs::replace_file(path, text, 0600);
    if (!written) tell_of(path, written.error().detail, out);
  }
}

// What the image says, without what is for us, and what the manifest says.
std::vector<std::string> environment_of(const overlay::ExpandedProgram& program) {
  std::vector<std::string> all;
  for (char** one = environ; one != nullptr && *one != nullptr; ++one) {
    const std::string text = *one;
    const bool ours = text.starts_with(overlay::kConfigVariablePrefix);
    if (!ours && !program.env.contains(text.substr(0, text.find('=')))) all.push_back(text);
  }
  for (const auto& [name, value] : program.env) all.emplace_back(name).append("=").append(value);
  return all;
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> out;
  for (std::string& one : words) out.push_back(one.data());
  out.push_back(nullptr);
  return out;
}

} // namespace

int start_program(const Output& out, const std::string& file) {
  Diagnostics found;
  const auto packed = load_packed(file, found);
  if (!packed) return out.fail(found);
  const auto values = given_values(*packed, found);
  if (has_errors(found)) return out.fail(found);
  auto started = overlay::start_of(*packed, values, found);
  if (started) write_files(started->files, found);
  if (!started || has_errors(found)) return out.fail(found);
  auto environment = environment_of(started->program);
  auto variables = pointers(environment), words = pointers(started->program.command);
  if (words.front() == nullptr) return out.fail(kUsage, "nothing_to_start", "no command");
  environ = variables.data(); // where execvp looks for PATH
  ::execvp(words.front(), words.data());
  return out.fail(kFailed, "cannot_start",
                  started->program.command.front() + ": " + std::strerror(errno));
}

} // namespace sluice::cli
