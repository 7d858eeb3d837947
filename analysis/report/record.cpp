#include "analysis/report/record.hpp"

namespace moesim {

Record record_of(const Run& run) {
  const RunFile& file = run.file;
  return {.run_id = file.text("run_id"),
          .experiment = file.text("experiment"),
          .version = file.text("version"),
          .git = file.text("git"),
          .build = file.text("build"),
          .device = file.text("device"),
          .created = file.text("created_utc"),
          .config = file.text("config"),
          .config_sha256 = file.text("config_sha256"),
          .data_sha256 = file.text("data_sha256"),
          .plan_kind = file.text("plan_kind"),
          .sees = file.text("sees"),
          .threads = run.number("threads"),
          .causal = run.number("causal"),
          .leak = run.number("leak")};
}

}  // namespace moesim
