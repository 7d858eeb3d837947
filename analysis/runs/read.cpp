#include "analysis/runs/read.hpp"

#include "analysis/runs/dense_part.hpp"
#include "sim/core/error.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <numeric>
#include <set>

namespace moesim {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFileName = "run.h5";
constexpr int kLevels = 3;

// Collects run files. A folder with a run.h5 is a run; its subfolders are not searched,
// nor are the dense steps of a run that has none yet.
void collect(const fs::path& folder, int levels, std::vector<std::string>& found) {
  if (fs::exists(folder / kFileName)) {
    found.push_back(folder / kFileName);
    return;
  }
  if (levels == 0) return;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    std::error_code leads_nowhere;  // e.g. a link to itself
    if (entry.is_directory(leads_nowhere) && !entry.path().filename().string().starts_with('.') &&
        !is_dense_folder(entry.path()))
      collect(entry.path(), levels - 1, found);
  }
}

std::vector<std::string> runs_below(const std::string& path) {
  if (path.empty()) fail(Exit::usage, "an empty path; name a run file or a folder of runs");
  std::vector<std::string> found;
  try {
    if (!fs::is_directory(path)) return {path};
    collect(path, kLevels, found);
  } catch (const fs::filesystem_error& problem) {
    fail(Exit::data, path + ": cannot look into it: " + problem.code().message());
  }
  if (found.empty())
    fail(Exit::data, path + ": holds no " + kFileName + ", nor do the folders below it (" +
                         std::to_string(kLevels) + " levels)");
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace

double Run::number(const std::string& name) const {
  const auto found = file.attributes().find(name);
  if (found != file.attributes().end()) {
    if (const auto* value = std::get_if<double>(&found->second)) return *value;
    if (const auto* value = std::get_if<std::int64_t>(&found->second))
      return static_cast<double>(*value);
  }
  return std::numeric_limits<double>::quiet_NaN();
}

const Variable* Run::variable(const std::string& name, const std::vector<std::string>& dims) const {
  const Variable* variable = file.find(name);
  if (variable == nullptr) return nullptr;
  if (variable->dims != dims || variable->type == Variable::Type::text)
    fail(Exit::data, path + ": " + name + " has dimensions (" + joined(variable->dims) +
                         "), expected numbers over (" + joined(dims) + ")");
  return variable;
}

namespace {

Run checked(Run run) {
  const std::string& path = run.path;
  const double schema = run.number("moesim_schema");
  if (std::isnan(schema))
    fail(Exit::data, path + ": not a run file of moesim: no attribute moesim_schema");
  if (schema != static_cast<double>(kRunFileSchema))
    fail(Exit::data, path + ": follows schema " +
                         std::to_string(static_cast<std::int64_t>(schema)) +
                         "; this program reads schema " + std::to_string(kRunFileSchema));
  return run;
}

}  // namespace

Run read_run(const std::string& path) { return checked({path, read_run_file(path)}); }

Run read_run_but_traces(const std::string& path) {
  return checked({path, read_run_file_but_traces(path)});
}

Run read_run(const std::string& path, RunReader& reader, const Excerpt& excerpt) {
  return checked({path, reader.read(path, excerpt)});
}

std::vector<std::string> find_runs(const std::vector<std::string>& paths) {
  std::vector<std::string> files;
  std::set<std::string> seen;
  for (const std::string& path : paths)
    for (const std::string& file : runs_below(path)) {
      std::error_code unresolved;
      const fs::path real = fs::canonical(file, unresolved);
      if (seen.insert(unresolved ? file : real.string()).second) files.push_back(file);
    }
  return files;
}

std::vector<std::int64_t> layer_labels(const Run& run, std::size_t count) {
  std::vector<std::int64_t> labels(count);
  std::iota(labels.begin(), labels.end(), 0);
  const Variable* variable = run.variable("layer", {"layer"});
  if (variable != nullptr && variable->values.size() == count)
    std::transform(variable->values.begin(), variable->values.end(), labels.begin(),
                   [](double label) { return static_cast<std::int64_t>(label); });
  return labels;
}

}  // namespace moesim
