// serve_bench() is moesim bench --serve RUN: the time of generation in batches, and the experts that
// it reads.
#pragma once

#include "experiments/commands/arguments.hpp"
#include "sim/model/decoder.hpp"

namespace moesim {

// Adds the options of --serve.
void add_serve_arguments(Arguments& arguments);

// Refuses the options of training steps with --serve, and those of serving without it.
void check_serve_arguments(const Arguments& arguments);

// Says on stderr why a pass covers the whole window (Decoder::whole_windows), and if --dropless helps.
void note_whole_windows(const Transformer& model, const std::string& reason);

// Measures the run that the arguments name, and prints. Returns an exit code.
int serve_bench(const Arguments& arguments);

}  // namespace moesim
