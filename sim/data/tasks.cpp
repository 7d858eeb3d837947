// The data set "tasks": pairs (source, target) of several tasks, generated or from files, as examples
// [label] source [sep] target [eos] whose loss counts on the target. The task is the domain of its
// positions.
#include "sim/config/text.hpp"
#include "sim/core/error.hpp"
#include "sim/data/datasets.hpp"
#include "sim/data/examples.hpp"
#include "sim/data/mixing.hpp"
#include "sim/data/order.hpp"
#include "sim/data/task_options.hpp"
#include "sim/data/task_tokenizer.hpp"
#include "sim/io/sha256.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

namespace moesim {
namespace {

constexpr double kUnit = 0x1p32;

class Tasks final : public Dataset {
 public:
  Tasks(TaskData data, const TaskOptions& options)
      : tasks_(std::move(data.tasks)),
        tokenizer_(std::move(data.tokenizer)),
        format_(options.format),
        packed_(options.packed) {
    std::vector<index> sizes;
    std::vector<std::string> unseen;  // tasks of validation that are held out
    index rows = 0;
    for (const LabelledPairs& task : tasks_) {
      info_.domains.push_back(task.label);
      const bool trained = !is_in(options.held_out, task.label);
      sizes.push_back(trained ? task.pairs->size(Split::train) : 0);
      info_.train_size += sizes.back();
      first_.push_back(rows);
      if (!options.evaluated.empty() && !is_in(options.evaluated, task.label)) continue;
      rows += task.pairs->size(Split::validation);
      if (!trained) unseen.push_back(task.label);
    }
    double sum = 0;
    for (const double share : mixing_shares(sizes, options.cap, options.temperature))
      below_.push_back(sum += share);
    info_.length = options.length;
    info_.pairs = true;
    info_.vocabulary = tokenizer_->vocabulary();
    info_.validation_rows = rows;
    info_.validation_size = rows * options.length;
    info_.note = std::move(data.note);
    if (!unseen.empty() && info_.note.empty())
      info_.note = fmt::format(
          "the validation loss is a mean over tasks of which {} {} held out; "
          "losses by task are apart (domain_loss), and data.evaluated chooses",
          fmt::join(unseen, ", "), unseen.size() == 1 ? "is" : "are");
    std::string determined = options.fingerprint();
    for (const LabelledPairs& task : tasks_)
      determined += fmt::format(" task {} {}", task.label, task.pairs->fingerprint());
    determined += " " + tokenizer_->content();
    info_.sha256 = sha256_hex(determined.data(), determined.size());
    count_tokens();
    if (options.answers_are_known()) find_bayes_loss(options.generated);
  }

  const DatasetInfo& info() const override { return info_; }
  const Tokenizer* tokenizer() const override { return tokenizer_.get(); }

  Batch batch(Split split, std::uint64_t seed, index step, index batch_size) const override {
    const bool train = split == Split::train;
    const BatchRows rows =
        train ? BatchRows{0, batch_size} : rows_of_step(step, batch_size, info_.validation_rows);
    Batch result{rows.count, info_.length, {}, {}, {}, {}};
    ExampleRow row(info_.length);
    for (index i = rows.first; i < rows.first + rows.count; ++i) {
      if (train) {
        const Stream stream{seed, Purpose::data, static_cast<std::uint32_t>(step),
                            static_cast<std::uint32_t>(i)};
        std::uint64_t number = 0;
        do add_drawn(stream, number++, row);
        while (packed_ && !row.full());
      } else {
        const Place place = validation(spread(i, info_.validation_rows));
        add(Split::validation, place.task, place.number, place.number, row);
      }
      row.append_to(result, tokenizer_->end());
    }
    return result;
  }

 private:
  struct Place {
    std::size_t task;
    index number;
  };

  static bool is_in(const std::vector<std::string>& labels, const std::string& label) {
    return std::find(labels.begin(), labels.end(), label) != labels.end();
  }

  void add(Split split, std::size_t task, index number, index instruction, ExampleRow& row) const {
    row.add(example_of(tasks_[task].pairs->pair(split, number), format_, *tokenizer_,
                       tasks_[task].label, static_cast<index>(task), instruction),
            static_cast<std::int32_t>(task));
  }

  // Adds training example `i` of a row: a task by its share, then any of its pairs.
  void add_drawn(const Stream& stream, std::uint64_t i, ExampleRow& row) const {
    const double u = static_cast<double>(random_below(stream, 3 * i, 1ull << 32)) / kUnit;
    // A task of share 0 has no u below its sum that is not below the sum before.
    const auto above = std::upper_bound(below_.begin(), below_.end() - 1, u);
    auto task = static_cast<std::size_t>(above - below_.begin());
    while (share(task) == 0) --task;  // the last ones, at u above their rounded sum
    const index pairs = tasks_[task].pairs->size(Split::train);
    const auto number =
        static_cast<index>(random_below(stream, 3 * i + 1, static_cast<std::uint64_t>(pairs)));
    const auto instruction = static_cast<index>(random_below(stream, 3 * i + 2, 1 << 16));
    add(Split::train, task, number, instruction, row);
  }

  double share(std::size_t task) const { return below_[task] - (task == 0 ? 0 : below_[task - 1]); }

  // Row `number` of the validation split before it is shuffled: the tasks one after the other.
  Place validation(index number) const {
    const auto next = std::upper_bound(first_.begin(), first_.end(), number);
    return {static_cast<std::size_t>(next - first_.begin()) - 1, number - *(next - 1)};
  }

  // Counts the tokens of some training rows, as routers see them.
  void count_tokens() {
    constexpr index kTokens = 1 << 18, kRows = 4096;
    const index rows = std::clamp<index>(kTokens / info_.length, 1, kRows);
    info_.unigram.resize(static_cast<std::size_t>(info_.vocabulary));
    for (const std::int32_t id : batch(Split::train, 0, 0, rows).ids)
      ++info_.unigram[static_cast<std::size_t>(id)];
  }

  // With the task in the input, the target of a generated task is certain. Without it, the best
  // predictor has the posterior of the task given the source: the tasks of its kind that have this
  // target, by their numbers of validation pairs. Its code length is the same however the target is
  // cut into tokens.
  void find_bayes_loss(const GeneratedShape& shape) {
    std::vector<double> sums(tasks_.size()), targets(tasks_.size());
    for (index row = 0; row < info_.validation_rows; ++row) {
      const auto [task, number] = validation(row);
      const Pair pair = tasks_[task].pairs->pair(Split::validation, number);
      targets[task] += static_cast<double>(pair.target.size() + 1);  // and [eos]
      if (format_.input == TaskInput::none) sums[task] += code_length(pair, task, shape);
    }
    double sum = 0, count = 0;
    for (std::size_t task = 0; task < tasks_.size(); ++task) {
      sum += sums[task], count += targets[task];
      info_.bayes_loss_of_domain.push_back(targets[task] > 0 ? sums[task] / targets[task] : -1);
    }
    info_.bayes_loss = sum / count;
  }

  // -log p(target | source), in nats.
  double code_length(const Pair& pair, std::size_t own, const GeneratedShape& shape) const {
    double same_kind = 0, same_target = 0;
    for (std::size_t task = 0; task < tasks_.size(); ++task) {
      const GeneratedTask& other = *generated_task(tasks_[task].label);
      if (other.kind != generated_task(tasks_[own].label)->kind) continue;
      const index end = task + 1 < tasks_.size() ? first_[task + 1] : info_.validation_rows;
      const auto pairs = static_cast<double>(end - first_[task]);
      same_kind += pairs;
      if (other.answer(pair.source, shape) == pair.target) same_target += pairs;
    }
    return std::log(same_kind / same_target);
  }

  std::vector<LabelledPairs> tasks_;
  std::unique_ptr<TaskTokenizer> tokenizer_;
  ExampleFormat format_;
  bool packed_;
  std::vector<double> below_;  // by task: sum of the shares up to it
  std::vector<index> first_;   // by task: its first row of the validation split
  DatasetInfo info_;
};

}  // namespace

std::unique_ptr<Dataset> make_tasks(Options& options) {
  const TaskOptions read = TaskOptions::read(options);
  return std::make_unique<Tasks>(read_task_data(options, read), read);
}

}  // namespace moesim
