// Experiment is one run, built from its settings: backend, data, task, model, trainer, recorder and
// checkpointer, in order of dependency.
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

// Identity is what identifies a run: its resolved config and its data.
struct Identity {
  std::string folder;    // name of the run's folder
  std::string resolved;  // config text with every option
  std::string root;      // data.root as stored with the run, "" if the data has none
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

// Builds everything and checks every setting, but allocates no parameters and writes nothing. Plans
// pass a `make` that returns a stand-in for the device. Throws Exit::usage or Exit::data.
using MakeBackend = std::unique_ptr<Backend> (*)(const std::string& device, int threads);
Experiment build(RunSpec spec, int threads, DataCache& cache, MakeBackend make = make_backend);

// The same for inference, with the data set stored in a checkpoint (sim/data/stored.hpp): reads no
// data, does not check the options of [data], and leaves the hashes of the identity empty.
Experiment build_stored(RunSpec spec, int threads, std::shared_ptr<const Dataset> data,
                        MakeBackend make = make_backend);

// The eight hex digits at the end of a run folder's name. They differ between the float and the
// double build.
std::string identity_hash(const std::string& config_sha256, const std::string& data_sha256);

// Sets the attributes that describe the run on its run file.
void describe(Experiment& experiment);

}  // namespace moesim
