// Lists the data sets of this program and constructs them by name.
#pragma once

#include "sim/config/options.hpp"
#include "sim/data/dataset.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace moesim {

// Constructs the data set that the option `name` selects, and reads its options.
std::unique_ptr<Dataset> make_dataset(Options& options);

// Name and summary of each data set, for `moesim list datasets`.
std::vector<std::pair<std::string, std::string>> dataset_summaries();

// A hidden Markov source whose Bayes loss is known.
std::unique_ptr<Dataset> make_synthetic(Options& options);
// Text files as bytes, characters or SentencePiece tokens.
std::unique_ptr<Dataset> make_text(Options& options);
// Token ids in the files of nanoGPT, NumPy and Megatron-LM.
std::unique_ptr<Dataset> make_tokens(Options& options);
// Pairs of source and target of several tasks, generated or from files.
std::unique_ptr<Dataset> make_tasks(Options& options);
// Images and labels in the IDX format of MNIST, or as arrays of NumPy.
std::unique_ptr<Dataset> make_idx(Options& options);
// CIFAR-10 and CIFAR-100 in their binary version.
std::unique_ptr<Dataset> make_cifar(Options& options);

}  // namespace moesim
