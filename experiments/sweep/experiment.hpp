// One run, built from its settings: data, task, model and training, in the order in which they need
// each other.
#pragma once

#include "experiments/sweep/data_cache.hpp"
#include "experiments/sweep/run_config.hpp"
#include "sim/backend/backend.hpp"
#include "sim/config/sweep.hpp"
#include "sim/data/dataset.hpp"
#include "sim/train/checkpointer.hpp"
#include "sim/train/recorder.hpp"
#include "sim/train/trainer.hpp"

#include <memory>
#include <string>

namespace moesim {

// What identifies a run: its resolved config and its data.
struct Identity {
  std::string folder;    // name of the run's folder
  std::string resolved;  // config text with every option
  std::string root;      // data.root as it is kept with the run, "" if the data has none
  std::string config_sha256, data_sha256;
};

struct Experiment {
  Experiment() = default;
  Experiment(Experiment&&) = default;

  RunSpec spec;
  RunConfig run;
  Identity identity;
  std::unique_ptr<Backend> backend;
  std::shared_ptr<const Dataset> data;
  std::unique_ptr<Task> task;
  std::unique_ptr<Transformer> model;
  std::unique_ptr<Trainer> trainer;
  std::unique_ptr<Recorder> recorder;
  std::unique_ptr<Checkpointer> checkpointer;
};

// Builds everything and checks every setting; allocates no parameters. Throws Exit::usage or
// Exit::data; nothing is created on disk. A run that is only planned is built for a `stand_in`.
using MakeBackend = std::unique_ptr<Backend> (*)(const std::string& device, int threads);
Experiment build(RunSpec spec, int threads, DataCache& cache, MakeBackend make = make_backend);

// The same for a model that is to be used, not trained, on what a checkpoint holds of its data
// (sim/data/stored.hpp): no data is read, options of [data] are not checked, and the identity has
// no hashes.
Experiment build_stored(RunSpec spec, int threads, std::shared_ptr<const Dataset> data,
                        MakeBackend make = make_backend);

// The eight hex digits at the end of the name of a run's folder. A run in double is another run.
std::string identity_hash(const std::string& config_sha256, const std::string& data_sha256);

// The attributes that describe a run, set on its run file.
void describe(Experiment& experiment);

}  // namespace moesim
