// sluice doctor --probe: makes the box of exec, with the sidecar of the given config behind it,
// tries every way out, and throws it away.
#include "proxy/cli/exec_box.hpp"
#include "proxy/cli/run_support.hpp"
#include "proxy/contain/process.hpp"

#include <utility>

namespace sluice::cli {

int probe_containment(const Output& out, const Program& program) {
  int failed = kFailed;
  auto config = load_config(out, program, program.common.config, failed);
  if (!config) return failed;
  contain::block_control_signals();
  auto box = make_box(*config, {});
  if (!box) {
    return out.fail(kFailed, box.error().code, box.error().detail,
                    "install nftables and iproute2; run as root, or allow user namespaces");
  }
  auto runtime = start(out, std::move(*config), failed);
  if (!runtime) return failed;
  auto report = probe_box(*box.value(), *runtime);
  runtime->stop("probed");
  if (!report) return out.fail(report.error());
  std::string text;
  for (const auto& one : report.value().checks) {
    text += (one.ok ? "ok    " : "FAIL  ") + one.name + ": " + one.got + "\n";
    if (!one.ok) text += "      expected: " + one.expected + "\n";
  }
  const bool holds = report.value().holds();
  text += holds ? "contained: every way out is closed\n" : "NOT contained\n";
  out.print({{"holds", holds}, {"kind", box.value()->kind()}, {"checks", to_json(report.value())}},
            text);
  return holds ? kDone : kFailed;
}

} // namespace sluice::cli
