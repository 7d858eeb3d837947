#include "analysis/tensorboard/export.hpp"

#include "analysis/render/escape.hpp"
#include "analysis/runs/select.hpp"
#include "analysis/tensorboard/event_file.hpp"
#include "analysis/tensorboard/run_texts.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <sys/stat.h>
#include <tuple>

namespace moesim {
namespace {

// Version identifies a file's content: inode, modification time and size.
using Version = std::tuple<ino_t, time_t, long, off_t>;

std::optional<Version> version_of(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return std::nullopt;
  return Version{status.st_ino, status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_size};
}

struct Followed {
  std::string path = {};  // of the run file
  RunEvents events = {};
  std::unique_ptr<EventFile> file = {};  // null before the first reading
  std::optional<Version> version = {};   // version last read
  std::string recorded = {};             // status in the run file
  std::string problem = {};              // why it could not be read
  std::string reported = {};             // problem last reported
  bool chosen = true;                    // its arm is exported
};

class Export {
 public:
  Export(const Request& request, const TensorboardOptions& options)
      : request_(request), options_(options) {}

  // Reads all run files once.
  void look() {
    for (const std::string& path : select_runs(request_.paths, request_.all).files)
      if (known_.insert(path).second) runs_.push_back({.path = path});
    for (Followed& run : runs_) update(run);
  }

  bool finished() const {
    return std::all_of(runs_.begin(), runs_.end(), [&](const Followed& run) {
      if (!run.chosen || !run.problem.empty()) return true;
      const std::string status =
          request_.status_of ? request_.status_of(run.path, run.recorded) : run.recorded;
      return status == "complete" || status == "diverged" || status == "failed";
    });
  }

  TensorboardExport result() const {
    TensorboardExport total;
    for (const Followed& run : runs_) {
      total.runs += run.file != nullptr;
      total.unreadable += !run.problem.empty();
      if (run.file != nullptr) total.events += run.file->events();
    }
    return total;
  }

  // Throws if a requested arm has no run.
  void require_arms() const {
    for (const std::string& arm : options_.arms)
      if (!arms_.contains(arm)) {
        std::vector<std::string> names;
        for (const std::string& name : arms_) names.push_back(terminal_safe(name));
        fail(Exit::usage,
             "no run has the arm '" + terminal_safe(arm) + "': there are " + joined(names));
      }
  }

  // Throws if no run file can be read.
  void require_readable() const {
    const auto readable = [](const Followed& run) { return run.problem.empty(); };
    if (std::none_of(runs_.begin(), runs_.end(), readable))
      fail(Exit::data, runs_.empty() ? joined(request_.paths) + ": no run has a run file yet"
                                     : runs_.front().problem);
  }

  // Reports each unreadable run file once.
  void report_problems() {
    for (Followed& run : runs_) {
      if (run.problem != run.reported && !run.problem.empty() && request_.on_unreadable)
        request_.on_unreadable(run.problem);
      run.reported = run.problem;
    }
  }

 private:
  void update(Followed& run) {
    const std::optional<Version> version = version_of(run.path);
    if ((version && version == run.version) || !run.chosen) return;
    try {
      constexpr int kTries = 20;
      for (int i = 0; i < kTries; ++i)
        if (write(run)) {
          run.version = version;
          break;
        }
      run.problem.clear();
    } catch (const Error& problem) {
      if (problem.code() != Exit::data) throw;
      run.problem = problem.what();
      run.version = version;
    }
  }

  // Writes new events; returns false if the run file was replaced meanwhile.
  bool write(Followed& run) {
    NewRows rows = run.events.read(run.path, reader_);
    if (rows.change == NewRows::Change::replaced) {
      run.events = RunEvents();
      rows = run.events.read(run.path, reader_);
    }
    if (rows.change == NewRows::Change::moved) return false;
    run.recorded = rows.overview.file.text("status");
    if (run.file == nullptr && !choose(run, rows.overview)) return true;
    if (rows.left_out > 0 && options_.warn)
      options_.warn(
          fmt::format("{}: the first {} rows by layer and expert are left out, because "
                      "they are more than is read at a time",
                      run.path, rows.left_out));
    if (rows.first) {
      run.file->begin(rows);
    } else if (!run.file->append(rows)) {
      run.events = RunEvents();
      rows = run.events.read(run.path, reader_);
      if (rows.change == NewRows::Change::moved) return false;
      run.file->begin(rows);
    }
    return true;
  }

  // Assigns the run its folder; returns false if its arm is not exported.
  bool choose(Followed& run, const Run& read) {
    const std::string arm = read.file.text("arm", read.file.text("router", "unknown"));
    arms_.insert(arm);
    run.chosen = options_.arms.empty() ||
                 std::find(options_.arms.begin(), options_.arms.end(), arm) != options_.arms.end();
    if (!run.chosen) return false;
    std::string folder = event_folder_of(read);
    if (folders_.contains(folder))
      folder += " " + safe_file_name(read.file.text("run_id", "another run"));
    const std::string wanted = folder;
    for (int number = 2; !folders_.insert(folder).second; ++number)
      folder = fmt::format("{} {}", wanted, number);
    run.file = std::make_unique<EventFile>(std::filesystem::path(options_.folder) / folder);
    return true;
  }

  const Request& request_;
  const TensorboardOptions& options_;
  RunReader reader_;
  std::vector<Followed> runs_;
  std::set<std::string> known_, folders_, arms_;
};

}  // namespace

TensorboardExport export_tensorboard(const Request& request, const TensorboardOptions& options) {
  Export runs(request, options);
  if (!options.follow) {
    runs.look();
    runs.require_readable();
    runs.report_problems();
    runs.require_arms();
    return runs.result();
  }
  for (const std::string& path : request.paths)
    if (!std::filesystem::exists(path)) fail(Exit::data, path + ": no such file or folder");
  for (;;) {
    // Evaluated before the run files are read, so that a run that ends in between is read to its
    // end.
    const bool more = options.awaits_more && options.awaits_more();
    try {
      runs.look();
    } catch (const Error& problem) {
      // Runs may be planned but not started yet.
      if (problem.code() != Exit::data) throw;
    }
    runs.report_problems();
    if (!more && runs.finished()) {
      runs.require_arms();
      break;
    }
    if (!options.wait || !options.wait()) break;
  }
  return runs.result();
}

}  // namespace moesim
