#include "analysis/report/record.hpp"

namespace moesim {

namespace {

// Returns the device and the number type that the config chose. The device string names what its
// library supports ("products by onednn with bfloat16"), whether used or not.
std::string device_of(const RunFile& file) {
  std::string device = file.text("device");
  const std::string config = "\n" + file.text("config"), key = "\ncompute = ";
  const std::size_t begin = config.find(key);
  if (device.empty() || begin == config.npos) return device;
  const std::size_t value = begin + key.size();
  const std::string compute = config.substr(value, config.find('\n', value) - value);
  const std::string could = " with bfloat16";
  if (compute != "bfloat16" && device.ends_with(could)) device.erase(device.size() - could.size());
  return device + ", compute " + compute;
}

}  // namespace

Record record_of(const Run& run) {
  const RunFile& file = run.file;
  return {.run_id = file.text("run_id"),
          .experiment = file.text("experiment"),
          .version = file.text("version"),
          .git = file.text("git"),
          .build = file.text("build"),
          .device = device_of(file),
          .created = file.text("created_utc"),
          .config = file.text("config"),
          .config_sha256 = file.text("config_sha256"),
          .data_sha256 = file.text("data_sha256"),
          .plan_kind = file.text("plan_kind"),
          .sees = file.text("sees"),
          .threads = run.number("threads"),
          .causal = run.number("causal"),
          .leak = run.number("leak"),
          .leak_first = run.number("leak_first"),
          .leak_last = run.number("leak_last")};
}

}  // namespace moesim
