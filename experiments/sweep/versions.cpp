#include "experiments/sweep/versions.hpp"

#include "experiments/sweep/plan.hpp"
#include "sim/checkpoint/checkpoint.hpp"
#include "sim/config/text.hpp"
#include "sim/io/file.hpp"
#include "sim/io/folder_lock.hpp"
#include "sim/record/reader.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <filesystem>

namespace moesim {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse(const std::string& path, const std::string& what) {
  throw Unreadable(path + ": " + what + "; use the version that wrote it, or another --out");
}

// True if a file, a folder or a link, even a dangling one, has that name.
bool is_there(const std::string& path) {
  std::error_code error;
  return fs::exists(fs::symlink_status(path, error));
}

void require_own_run_file(const std::string& path) {
  if (!is_there(path)) return;
  try {
    const InputFile opens(path);
  } catch (const Unreadable&) {
    throw;
  } catch (const Error&) {
    return;  // such as an empty file or a FIFO
  }
  try {
    RunReader reader;
    const RunFile file = reader.read(path, {{"moesim_schema"}, {}});
    const auto schema = file.attributes().find("moesim_schema");
    if (schema == file.attributes().end()) return;
    const auto* number = std::get_if<std::int64_t>(&schema->second);
    if (number == nullptr || *number != kRunFileSchema)
      refuse(path, fmt::format("follows schema {}, this moesim writes schema {}",
                               number == nullptr ? "?" : std::to_string(*number), kRunFileSchema));
  } catch (const Unreadable&) {
    throw;
  } catch (const Error&) {
    // Damaged: the run writes it again from the checkpoint.
  }
}

}  // namespace

void require_own_run(const std::string& folder) {
  require_own_lock(folder);
  checkpoint_infos(folder);
  require_own_run_file(folder + "/run.h5");
}

void require_own_plan(const std::string& path) {
  if (!is_there(path)) return;
  std::string text;
  try {
    text = read_file(path, kMostPlanBytes);
  } catch (const Unreadable&) {
    throw;
  } catch (const Error&) {
    return;
  }
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (json.is_discarded()) return;
  if (!json.is_object() || !json.contains("moesim_plan")) refuse(path, "no plan of moesim");
  const auto& format = json["moesim_plan"];
  if (!format.is_number_integer() || format.get<std::int64_t>() != kPlanFormat)
    refuse(path, fmt::format("a plan of format {}, this moesim writes format {}",
                             config::printable(format.dump()), kPlanFormat));
}

}  // namespace moesim
