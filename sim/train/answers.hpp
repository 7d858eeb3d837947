// Answer is a model's own target for a source of the validation split of the data set "tasks".
#pragma once

#include "sim/data/task_tokenizer.hpp"
#include "sim/train/evaluator.hpp"

#include <cstdint>
#include <vector>

namespace moesim {

struct Answer {
  std::size_t task = 0;
  std::vector<std::int32_t> source;          // up to the separator
  std::vector<std::int32_t> target, output;  // without [eos]
  bool ended = false;                        // whether the output has an [eos]

  bool exact() const { return ended && output == target; }
};

// Continues each of the first `most` sources of every task in an evaluation (0: all) by the most
// likely token, up to [eos] or the end of the sequence, by these rules of inference. The
// answers are in the order of the evaluation.
std::vector<Answer> greedy_answers(Transformer& model, const Evaluator& evaluator,
                                   const TaskTokenizer& tokenizer, Backend& backend, index most,
                                   Rules rules = Rules::own);

}  // namespace moesim
