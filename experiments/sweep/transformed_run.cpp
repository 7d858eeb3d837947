#include "experiments/sweep/transformed_run.hpp"

#include "experiments/sweep/child.hpp"
#include "experiments/sweep/plan.hpp"
#include "experiments/sweep/stored_run.hpp"
#include "experiments/sweep/take_sources.hpp"
#include "sim/backend/stand_in.hpp"
#include "sim/config/text.hpp"
#include "sim/core/error.hpp"
#include "sim/data/root.hpp"
#include "sim/data/stored.hpp"
#include "sim/io/file.hpp"
#include "sim/io/publish.hpp"
#include "sim/io/remove_on_signal.hpp"
#include "sim/train/loading.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <set>
#include <unistd.h>

namespace moesim {
namespace {

namespace fs = std::filesystem;

// The weights of the source that are transformed, and settings that follow from it.
struct Weights {
  std::string step, sha256;
  MadeSettings settings;
};
Weights weights_of(const Transformation& what) {
  using Json = nlohmann::json;
  const Json found = Json::parse(
      in_child("reads the source", [&] {
        const LoadedRun run = open_run({what.from, what.checkpoint, {}}, DataOf::checkpoint, 1,
                                       stand_in, [](const Checkpoint&, Experiment&) {});
        const Json settings = what.settings_of ? what.settings_of(run.e) : MadeSettings();
        return Json{std::to_string(run.info.step), run.weights_sha256, settings}.dump();
      }).text);
  Weights weights{found[0], found[1], found[2]};
  require_unset(what, weights.settings);
  return weights;
}

// Refuses a folder inside the source, which stays as it is.
void require_outside(const std::string& out, const std::string& source) {
  std::error_code error;
  const fs::path from = fs::weakly_canonical(source, error), to = fs::weakly_canonical(out, error);
  if (std::mismatch(from.begin(), from.end(), to.begin(), to.end()).first == from.end())
    fail(Exit::usage, fmt::format("command line: --out {}: it is inside the run {}; name a folder "
                                  "elsewhere",
                                  config::printable(out), config::printable(source)));
}

// A new folder that gets its name when all of it is written; else it is removed.
class NewFolder {
 public:
  NewFolder(std::string path, std::string temporary)
      : path_(std::move(path)), temporary_(std::move(temporary)) {
    std::error_code error;
    fs::create_directories(temporary_, error);
    if (error) fail(Exit::output, described(temporary_) + ": cannot create: " + error.message());
  }
  ~NewFolder() {
    std::error_code ignored;
    if (!temporary_.empty()) fs::remove_all(temporary_, ignored);
  }
  NewFolder(const NewFolder&) = delete;
  NewFolder& operator=(const NewFolder&) = delete;

  const std::string& path() const { return temporary_; }
  void finish() {
    std::error_code error;
    fs::rename(temporary_, path_, error);
    if (error) fail(Exit::output, described(path_) + ": cannot create: " + error.message());
    temporary_.clear();
  }

 private:
  std::string path_, temporary_;
};

// Stops before the first step, after the evaluation.
class StopAtOnce : public Hook {
 public:
  bool wants_stop() override { return begun_; }
  void on_boundary(const Position&) override { begun_ = true; }

 private:
  bool begun_ = false;
};

// The settings of the source, without its own start, and those that differ. The hash of its weights
// sets runs of different sources apart.
RunSpec spec_of(const Transformation& what, const Weights& weights, const RunSpec& source) {
  RunSpec spec;
  std::set<std::string> left_out = {"init", "distil"};
  left_out.insert(what.left_out.begin(), what.left_out.end());
  for (const auto& [key, setting] : source.settings.values())
    if (!left_out.contains(config::section_of(key))) spec.settings.set(key, setting);
  for (const auto& [key, value] : weights.settings) spec.settings.set(key, value, "the source");
  for (const auto& [key, value] : what.settings) spec.settings.set(key, value, "command line");
  spec.settings.set("run.name", fs::path(what.out).filename().string(), "--out");
  spec.settings.set("run.made", what.made, "moesim transform");
  spec.settings.set("run.made_from", weights.sha256.substr(0, 16), "moesim transform");
  const auto router = spec.settings.values().find("router.name");
  spec.variant =
      (router == spec.settings.values().end() ? "" : router->second.value + " ") + what.made;
  spec.label = run_label(spec);
  return spec;
}

// Refuses a teacher of the new run's training that moesim run would refuse.
void require_teacher(const RunSpec& spec) {
  const auto& values = spec.settings.values();
  const auto teacher = values.find("distil.teacher");
  if (teacher == values.end() || teacher->second.value.empty()) return;
  in_child("checks the teacher", [&] {
    DataCache data;
    require_sources(build(spec, 0, data, stand_in));
    return std::string();
  });
}

// Share of the assignments of an evaluation, over all layers, that were dropped.
double dropped_share(Transformer& model, Backend& backend, const Experiment& e) {
  Settings settings = e.spec.settings;
  const Evaluator evaluator(settings, *e.data, *e.task, model, backend, e.run.seed);
  const auto evaluation = evaluator.run(0, [] { return false; });
  double dropped = 0, assignments = 0;
  for (const LayerStatistics& layer : evaluation->layers)
    dropped += layer.dropped, assignments += layer.assignments;
  return assignments > 0 ? dropped / assignments : 0;
}

Transformed measure(Experiment& source, Experiment& e, const std::string& domain, RunFile& file) {
  Transformed done;
  const std::vector<std::string>& domains = e.data->info().domains;
  const index only =
      domain.empty() ? -1 : std::find(domains.begin(), domains.end(), domain) - domains.begin();
  done.change = output_change(*source.model, *source.backend, *e.model, *e.backend, *e.task,
                              e.trainer->evaluator(), only);
  done.dropped_before = dropped_share(*source.model, *source.backend, e);
  done.dropped_after = dropped_share(*e.model, *e.backend, e);
  done.parameters_before = count(source.model->parameters());
  done.parameters_after = count(e.model->parameters());
  file.attribute("transform_logit_change", done.change.logit);
  file.attribute("transform_loss_before", done.change.before);
  file.attribute("transform_loss_after", done.change.after);
  file.attribute("transform_dropped_before", done.dropped_before);
  file.attribute("transform_dropped_after", done.dropped_after);
  return done;
}

// Writes the run at step 0, evaluated.
void write_run(Experiment& e, const PlannedRun& run, const std::string& folder) {
  std::error_code error;
  fs::create_directory(folder, error);
  if (error) fail(Exit::output, described(folder) + ": cannot create: " + error.message());
  publish_bytes(folder + "/config.ini", with_root(e.identity.resolved, e.identity.root));
  e.recorder->publish_at(folder + "/run.h5");
  e.checkpointer->keep_at(folder, run.config_sha256, run.data_sha256, stored_files(*e.data));
  StopAtOnce stop;
  e.trainer->run({e.recorder.get(), e.checkpointer.get(), &stop});
  const Image image = e.recorder->image("running");
  e.checkpointer->write("");
  e.recorder->publish(image);
}

}  // namespace

void require_unset(const Transformation& what, const MadeSettings& made) {
  for (const auto& entry : what.settings)
    if (config::section_of(entry.first) == "init")
      fail(Exit::usage,
           fmt::format("command line: {}: transform makes the first weights; leave it out",
                       config::printable(entry.first)));
  for (const auto& own : made)
    if (std::any_of(what.settings.begin(), what.settings.end(),
                    [&](const auto& given) { return given.first == own.first; }))
      fail(Exit::usage, fmt::format("command line: {}: {} sets it; leave it out", own.first,
                                    what.made.substr(0, what.made.find(' '))));
}

HostTensors host_tensors(const std::vector<NamedTensor>& weights) {
  HostTensors tensors;
  for (const NamedTensor& own : weights)
    tensors[own.name] = {lengths_of(own.value.shape()), own.value.to_host()};
  return tensors;
}

void give(const HostTensors& tensors, const std::vector<NamedTensor>& into) {
  for (const NamedTensor& own : into) {
    const auto at = tensors.find(own.name);
    if (at == tensors.end() || at->second.shape != lengths_of(own.value.shape()))
      fail(
          Exit::usage,
          fmt::format("command line: with these settings the new run has {} of shape {}, which the "
                      "source has not; leave out settings of the model",
                      own.name, own.value.shape().to_string()));
    own.value.from_host(at->second.values);
  }
  for (const auto& entry : tensors) {
    const std::string& name = entry.first;  // clang up to 15 captures no bindings
    if (std::none_of(into.begin(), into.end(),
                     [&](const NamedTensor& own) { return own.name == name; }))
      fail(Exit::usage,
           fmt::format("command line: with these settings the new run has no {}, which "
                       "the source has; leave out settings of the model",
                       name));
  }
}

std::string ask_source(
    const Transformation& what, const std::string& doing,
    const std::function<std::string(Experiment& source, Experiment& made)>& ask) {
  const StoredRun stored = read_stored_run(what.from);
  return in_child(doing,
                  [&] {
                    DataCache cache;
                    Experiment e = build(spec_of(what, {}, stored.spec), what.threads, cache);
                    LoadedRun source =
                        load_run({what.from, what.checkpoint}, DataOf::checkpoint, what.threads,
                                 [&](const Experiment& s) { require_same_task(what.from, s, e); });
                    return ask(source.e, e);
                  })
      .text;
}

Transformed transform_run(const Transformation& what, const MakeTensors& make) {
  if (std::error_code error; fs::exists(what.out, error))
    fail(Exit::usage,
         fmt::format("command line: --out {}: it exists; name a folder to be made", what.out));
  require_outside(what.out, what.from);
  const StoredRun stored = read_stored_run(what.from);
  // Plans are made in a child process, before this one has threads.
  const Weights weights = weights_of(what);
  // Settings of the source may not suit the new run: two choices of one expert.
  Plan plan =
      within([&] { return "transform " + what.made; },
             [&] { return make_plan({spec_of(what, weights, stored.spec)}, what.threads, false); });
  PlannedRun& run = plan.runs.front();
  require_teacher(run.spec);
  const std::string temporary = fmt::format("{}.{}.tmp", what.out, ::getpid());
  const RemoveOnSignal interrupted(temporary);  // before threads are started
  DataCache cache;
  Experiment e = build(run.spec, what.threads, cache);
  LoadedRun source = load_run({what.from, weights.step}, DataOf::checkpoint, what.threads,
                              [&](const Experiment& s) { require_same_task(what.from, s, e); });
  RunFile& file = e.recorder->file();
  e.trainer->start();
  const HostTensors tensors = make(source.e, e, file);
  give(tensors, e.trainer->weights());
  Transformed done = measure(source.e, e, what.domain, file);
  done.step = source.info.step;
  file.attribute("made_from", source.weights_sha256);
  file.attribute("made_from_step", static_cast<std::int64_t>(source.info.step));
  file.attribute("swept", std::string());
  file.attribute("evaluation_sha256", e.trainer->evaluator().sha256());
  record_cost_before(file, source.e, what.from, source.info.step);
  NewFolder folder(what.out, temporary);
  write_run(e, run, folder.path() + "/" + run.folder);
  publish_bytes(folder.path() + "/" + kPlanFile, to_json(plan));
  folder.finish();
  done.run = what.out + "/" + run.folder;
  return done;
}

}  // namespace moesim
