// Builds a small training from settings.
#pragma once

#include "sim/config/config_file.hpp"
#include "sim/data/datasets.hpp"
#include "sim/io/sha256.hpp"
#include "sim/train/recorder.hpp"
#include "sim/train/trainer.hpp"
#include "tests/support/device.hpp"

#include <memory>
#include <string>
#include <vector>

namespace moesim::testing {

// Stops before this step.
class StopBefore : public Hook {
 public:
  explicit StopBefore(index step) : step_(step) {}
  bool wants_stop() override { return at_ == step_; }
  void on_boundary(const Position& position) override { at_ = position.step; }

 private:
  index step_, at_ = -1;
};

struct Training {
  Settings settings;
  std::unique_ptr<Backend> device;
  Backend& backend;
  std::unique_ptr<Dataset> data;
  std::unique_ptr<Task> task;
  std::unique_ptr<Transformer> model;
  std::unique_ptr<Trainer> trainer;
  std::unique_ptr<Recorder> recorder;

  // values: {"router.name", "soft", "run.steps", "5", ...}; threads as given.
  Training(const std::vector<std::string>& values, int threads)
      : Training(values, make_test_backend(threads)) {}
  Training(const std::vector<std::string>& values, Backend& on) : backend(on) { build(values); }
  End run() { return trainer->run({recorder.get()}); }

  // SHA-256 over the parameters and every recorded value but the wall time.
  std::string fingerprint() const {
    std::string bytes;
    for (const Parameter& p : model->parameters()) {
      const std::vector<real> values = p.value.to_host();
      bytes += p.name;
      bytes.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(real));
    }
    for (const Variable& v : recorder->file().variables()) {
      if (v.name == "seconds") continue;
      bytes += v.name;
      bytes.append(reinterpret_cast<const char*>(v.values.data()),
                   v.values.size() * sizeof(double));
    }
    return sha256_hex(bytes.data(), bytes.size());
  }

 private:
  Training(const std::vector<std::string>& values, std::unique_ptr<Backend> own)
      : device(std::move(own)), backend(*device) {
    build(values);
  }
  void replace(const std::string& key, const std::string& value) {
    settings.unset(config::synonym_of(key));
    settings.set(key, value, "test");
  }
  void build(const std::vector<std::string>& values) {
    const std::vector<std::string> defaults = {
        "run.steps",    "4",  "data.length", "16", "data.symbols",   "16", "data.validation", "16",
        "model.width",  "16", "moe.experts", "4",  "expert.hidden",  "32", "train.batch",     "8",
        "record.every", "1",  "eval.every",  "2",  "eval.sequences", "8",  "eval.batch",      "8"};
    for (const auto* list : {&defaults, &values})
      for (std::size_t i = 0; i < list->size(); i += 2) replace((*list)[i], (*list)[i + 1]);
    Options data_options(settings, "data"), task_options(settings, "task");
    data = make_dataset(data_options);
    task = make_task(task_options, data->info());
    const ModelShape shape = task->shape();
    Site site;
    site.batch = Trainer::micro_batch(settings), site.length = shape.length,
    site.causal = shape.causal;
    site.domains = static_cast<index>(data->info().domains.size());
    site.vocabulary = shape.vocabulary, site.unigram = data->info().unigram;
    if (!site.unigram.empty()) site.unigram.resize(static_cast<std::size_t>(shape.vocabulary));
    model = std::make_unique<Transformer>(shape, site, settings);
    trainer = std::make_unique<Trainer>(settings, *data, *task, *model, backend, 0);
    recorder = std::make_unique<Recorder>(settings, data->info(), *model,
                                          trainer->batch() * task->shape().length,
                                          trainer->evaluator().from(), trainer->evaluator().also());
    trainer->start();
  }
};

}  // namespace moesim::testing
