// TaskOptions is the options of the data set "tasks", read and checked.
#pragma once

#include "sim/config/options.hpp"
#include "sim/data/corpus.hpp"
#include "sim/data/examples.hpp"
#include "sim/data/generated_pairs.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace moesim {

struct TaskOptions {
  std::vector<std::pair<const GeneratedTask*, index>> tasks;  // generated ones, and training pairs
  index validation_pairs = 0;                                 // of each of them
  GeneratedShape generated;
  std::vector<CorpusPart> parts;  // of data.path
  std::string source_field, target_field, domain_field;
  std::string tokens, model;  // model: the contents of SentencePiece's file
  std::string model_path;
  index length = 0;
  ExampleFormat format;
  bool packed = false;
  index cap = 0;
  double temperature = 1;
  std::vector<std::string> held_out, evaluated;  // labels; evaluated: empty for all

  static TaskOptions read(Options& options);

  // Everything that determines batches beside the pairs and the tokenizer.
  std::string fingerprint() const;
  // True if every target is a function of the source and the task, and only targets count.
  bool answers_are_known() const {
    return parts.empty() && format.loss_on == LossOn::target && tokens != "sentencepiece";
  }
};

// TaskData is the pairs of every task, and their tokenizer.
struct TaskData {
  std::vector<LabelledPairs> tasks;
  std::unique_ptr<TaskTokenizer> tokenizer;
  std::string note;  // about pairs that were left out, or ""
};

// Reads the files. Throws Exit::usage for labels that are unknown or occur twice, and if every task
// is held out.
TaskData read_task_data(Options& options, const TaskOptions& read);

}  // namespace moesim
