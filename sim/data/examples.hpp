// ExampleRows puts examples of pairs into rows of tokens: [label] source [sep] target [eos].
#pragma once

#include "sim/data/dataset.hpp"
#include "sim/data/pairs.hpp"
#include "sim/data/task_tokenizer.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace moesim {

// TaskInput is what names the task in an example: the token of its label, a sentence before the
// source, or nothing.
enum class TaskInput { label, instruction, none };

// LossOn is what counts: target and [eos], or everything after the first token of an example.
enum class LossOn { target, all };

struct ExampleFormat {
  TaskInput input = TaskInput::label;
  LossOn loss_on = LossOn::target;
  std::vector<std::string> instructions = {};  // sentences, with {} for the label
};

// The sentence of this number for a task, and a space; numbers go around the end of the list.
std::string instruction_of(const ExampleFormat& format, const std::string& label, index number);

// ExampleTokens is the tokens of an example; those from `counted` on are predicted.
struct ExampleTokens {
  std::vector<std::int32_t> ids;
  std::size_t counted = 0;
};

// The example of a pair of task number `task`, with the instruction of this number.
ExampleTokens example_of(const Pair& pair, const ExampleFormat& format,
                         const TaskTokenizer& tokenizer, const std::string& label, index task,
                         index instruction);

// ExampleRow collects the S + 1 tokens of a row. The rest after the last example is [eos] without
// targets, and belongs to the last example's domain.
class ExampleRow {
 public:
  explicit ExampleRow(index length) : size_(static_cast<std::size_t>(length) + 1) {}

  bool full() const { return ids_.size() >= size_; }
  // Adds what fits of the example.
  void add(const ExampleTokens& example, std::int32_t domain);
  // Appends the row to a batch and clears it.
  void append_to(Batch& batch, std::int32_t padding);

 private:
  std::size_t size_;
  std::vector<std::int32_t> ids_, domains_;
  std::vector<bool> counted_;
};

}  // namespace moesim
