// TransformedRun makes a run of the weights of another (moesim transform): an experiment's folder
// with one run at step 0, whose checkpoint has the new weights.
#pragma once

#include "experiments/sweep/loaded_run.hpp"
#include "sim/train/output_change.hpp"
#include "sim/train/upcycle.hpp"

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace moesim {

// Settings of the new run, by key.
using MadeSettings = std::vector<std::pair<std::string, std::string>>;

// Those that follow from the source, which has no memory for its parameters. Throws Exit::usage if it
// cannot be transformed.
using SettingsOf = std::function<MadeSettings(const Experiment& source)>;

// What is made, and of what.
struct Transformation {
  std::string from, checkpoint;  // the source: its folder, and newest, best or a step
  std::string out;               // the folder of the new experiment; must not exist
  std::string made;              // what is done, "prune keep=4 score=usage"
  // Settings of the new run that differ from those of the source.
  MadeSettings settings;
  SettingsOf settings_of = {};  // more of them; may be null
  std::string domain = {};      // the only one of the data that is measured; empty: all
  // Sections of the source's settings that are left out, besides [init] and [distil].
  std::vector<std::string> left_out = {};
  int threads = 0;
};

// What it changed, over the validation sequences of an evaluation.
struct Transformed {
  std::string run;  // folder of the new run
  index step = 0;   // of the source's checkpoint
  OutputChange change;
  double dropped_before = 0, dropped_after = 0;  // share of tokens with a dropped choice
  index parameters_before = 0, parameters_after = 0;
};

// Makes the tensors of the new model; may set attributes of its run file.
using MakeTensors = std::function<HostTensors(Experiment& source, Experiment& made, RunFile& file)>;

// Writes nothing where it fails, and nothing into the source. Throws Exit::usage if the new run cannot
// be, Exit::data if the source cannot be read, Exit::output.
Transformed transform_run(const Transformation& what, const MakeTensors& make);

// Asks about the source before the new run is planned, in a child process. made: the new run, with the
// settings of the transformation so far.
std::string ask_source(const Transformation& what, const std::string& doing,
                       const std::function<std::string(Experiment& source, Experiment& made)>& ask);

// Throws Exit::usage if the settings of a transformation have one that it makes itself: one of
// `made`, or of [init].
void require_unset(const Transformation& what, const MadeSettings& made);

// Gives a model these tensors. Throws Exit::usage if it has others.
void give(const HostTensors& tensors, const std::vector<NamedTensor>& into);

// The tensors of a model.
HostTensors host_tensors(const std::vector<NamedTensor>& weights);

}  // namespace moesim
