#include "analysis/runs/select.hpp"

#include "analysis/runs/read.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

namespace moesim {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr const char* kPlanFile = "plan.json";

using Places = std::map<std::string, std::size_t>;  // position of run folders in the plan

// FolderReader extracts runs[].folder of a plan, in order, and skips the rest, which may be long.
// The depth counts objects and arrays: 1 in the plan, 2 in runs, 3 in a run.
class FolderReader : public nlohmann::json_sax<Json> {
 public:
  Places places;

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool string(string_t& text) override {
    if (in_runs_ && depth_ == 3 && key_ == "folder") places.emplace(std::move(text), places.size());
    return true;
  }
  bool key(string_t& name) override {
    if (depth_ == 1) in_runs_ = name == "runs";
    key_ = std::move(name);
    return true;
  }
  bool start_object(std::size_t) override { return open('{'); }
  bool start_array(std::size_t) override { return open('['); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool parse_error(std::size_t, const std::string&, const Json::exception&) override {
    return false;
  }

 private:
  // A plan is an object, its runs are an array, and each is an object.
  bool open(char kind) {
    ++depth_;
    if (depth_ == 1 && kind != '{') return false;
    if (depth_ == 2 && in_runs_ && kind != '[') return false;
    if (depth_ == 3 && kind != '{') in_runs_ = false;
    return true;
  }
  bool close() {
    --depth_;
    return true;
  }

  std::size_t depth_ = 0;
  bool in_runs_ = false;
  std::string key_;
};

// Returns the run folders of an experiment's plan; nothing if it has no readable plan.
std::optional<Places> planned_in(const fs::path& experiment) {
  constexpr std::uintmax_t kMostBytes = std::uintmax_t{1} << 29;
  const fs::path path = experiment / kPlanFile;
  std::error_code problem;
  if (!fs::is_regular_file(path, problem) || fs::file_size(path, problem) > kMostBytes)
    return std::nullopt;
  std::ifstream file(path);
  FolderReader reader;
  if (!Json::sax_parse(file, &reader) || reader.places.empty()) return std::nullopt;
  return std::move(reader.places);
}

// Normalises a path: removes ".", ".." and a trailing slash. Links are kept, because a folder of
// links is an experiment of its own.
fs::path plain(const fs::path& path) {
  fs::path absolute = fs::absolute(path).lexically_normal();
  return absolute.has_filename() ? absolute : absolute.parent_path();
}

struct Experiment {
  std::optional<Places> planned;
  bool unreadable = false;  // the plan exists but cannot be read
  std::size_t left_out = 0;
};

Experiment experiment_in(const fs::path& folder) {
  std::error_code problem;
  Experiment experiment{planned_in(folder)};
  experiment.unreadable = !experiment.planned && fs::exists(folder / kPlanFile, problem);
  return experiment;
}

// Sorts files by experiment and by position in its plan; runs outside the plan follow.
void sort_as_planned(std::vector<std::string>& files,
                     const std::map<fs::path, Experiment>& experiments) {
  std::map<fs::path, std::size_t> first;  // first file of an experiment
  std::vector<std::tuple<std::size_t, std::size_t, std::string>> order;
  for (std::size_t i = 0; i < files.size(); ++i) {
    const fs::path folder = plain(files[i]).parent_path();
    const std::size_t group = first.emplace(folder.parent_path(), i).first->second;
    std::size_t place = std::numeric_limits<std::size_t>::max();
    const auto experiment = experiments.find(folder.parent_path());
    if (experiment != experiments.end() && experiment->second.planned) {
      const auto planned = experiment->second.planned->find(folder.filename());
      if (planned != experiment->second.planned->end()) place = planned->second;
    }
    order.emplace_back(group, place, files[i]);
  }
  std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
    return std::pair(std::get<0>(a), std::get<1>(a)) < std::pair(std::get<0>(b), std::get<1>(b));
  });
  for (std::size_t i = 0; i < files.size(); ++i) files[i] = std::move(std::get<2>(order[i]));
}

}  // namespace

Selection select_runs(const std::vector<std::string>& paths, bool all) {
  Selection selection;
  selection.files = find_runs(paths);
  std::set<fs::path> named;
  for (const std::string& path : paths) named.insert(plain(path));
  std::map<fs::path, Experiment> experiments;
  std::erase_if(selection.files, [&](const std::string& file) {
    const fs::path path = plain(file), folder = path.parent_path();
    if (named.contains(folder) || named.contains(path)) return false;
    const auto [place, is_new] = experiments.try_emplace(folder.parent_path());
    Experiment& experiment = place->second;
    if (is_new) experiment = experiment_in(place->first);
    if (all || !experiment.planned || experiment.planned->contains(folder.filename())) return false;
    ++experiment.left_out;
    return true;
  });
  sort_as_planned(selection.files, experiments);
  for (const auto& [folder, experiment] : experiments) {
    const std::string name = folder.filename().string();
    if (experiment.left_out > 0)
      selection.notes.push_back(
          fmt::format("{} {} of earlier sweeps in {} {} left out; --all includes them",
                      experiment.left_out, experiment.left_out == 1 ? "run" : "runs", name,
                      experiment.left_out == 1 ? "is" : "are"));
    if (experiment.unreadable && !all)
      selection.notes.push_back(fmt::format(
          "{} of {} is damaged, so the runs of all sweeps are included", kPlanFile, name));
  }
  return selection;
}

}  // namespace moesim
