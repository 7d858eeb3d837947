#include "analysis/runs/dense_part.hpp"

#include <filesystem>

namespace moesim {
namespace {

namespace fs = std::filesystem;

constexpr const char* kName = "dense";

}  // namespace

std::string dense_folder(const std::string& run_folder) { return run_folder + "/" + kName; }

bool is_dense_folder(const std::string& folder) {
  std::error_code error;
  fs::path path = fs::absolute(folder, error).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  // Folders of experiments may have this name, too; they hold no config.ini.
  return !error && path.filename() == kName && fs::exists(path / "config.ini", error) &&
         fs::exists(path.parent_path() / "config.ini", error);
}

}  // namespace moesim
