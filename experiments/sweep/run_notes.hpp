// Prints what a reader of a run's results must know: unknown text, a useless loss, a short trace,
// weights that training moves.
#pragma once

#include "experiments/terminal/progress.hpp"
#include "sim/data/dataset.hpp"
#include "sim/nn/adapter.hpp"
#include "sim/record/run_file.hpp"

#include <string>

namespace moesim {

// Training moves weights off the grid to which moesim transform rounded them. made: run.made.
void note_quantised(const std::string& made, Progress& progress);

// Warns of text that the tokenizer does not know.
void note_unknown(const DatasetInfo& data, Progress& progress);

// One line about the documents of a text: their number, chains and similarities; "" if it was not split.
std::string documents_text(const DocumentInfo& documents);

// One line about adapters whose rank is above the smaller side of every matrix; "" for others.
std::string rank_text(const Adapters& adapters);

// Warns of a validation loss above log `outputs`, that of guessing.
void note_guessing(const RunFile& file, index outputs, Progress& progress);

// Reports a trace that record.trace_bytes cut short.
void note_trace(const RunFile& file, Progress& progress);

}  // namespace moesim
