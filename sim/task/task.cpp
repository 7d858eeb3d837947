#include "sim/task/task.hpp"

#include "sim/core/random.hpp"

#include <algorithm>
#include <cmath>

namespace moesim {
namespace {

ModelInput input_of(const Batch& batch, Backend& backend) {
  ModelInput input{batch.batch, batch.length, {}, {}, {}};
  if (!batch.domains.empty()) input.domains = Indices::of(batch.domains, backend);
  if (!batch.ids.empty()) {
    input.ids = Indices::of(batch.ids, backend);
  } else {
    const index rows = batch.batch * batch.length;
    const std::vector<real> features(batch.features.begin(), batch.features.end());
    input.features =
        Tensor::of({rows, static_cast<index>(features.size()) / rows}, features, backend);
  }
  return input;
}

void need_tokens(const Options& options, const DatasetInfo& info) {
  if (info.vocabulary == 0)
    options.reject("name",
                   "needs token data; choose classification, or data.name = text or synthetic");
}

// Predicts the next token from the previous ones.
class CausalLm : public Task {
 public:
  CausalLm(Options& options, const DatasetInfo& info) : info_(info) {
    need_tokens(options, info);
    if (info.classes > 0)
      options.reject("name", "needs sequences, this data set has labels; choose classification");
  }
  ModelShape shape() const override {
    return {.vocabulary = info_.vocabulary, .length = info_.length, .outputs = info_.vocabulary};
  }
  Example prepare(const Batch& batch, Backend& backend) const override {
    return {input_of(batch, backend), Indices::of(batch.targets, backend), batch.domains,
            batch.domains};
  }

 private:
  const DatasetInfo& info_;
};

// Masks are the masked positions of the drawn sequences: each with probability `rate`. If chance
// masks none in all of them, the position with the lowest draw is masked, so that there is a
// target.
//
// In training, draws are keyed by (seed, step, row in the whole batch of the step), in evaluation
// by the number of the sequence. They do not depend on how sequences are put into batches.
class Masks {
 public:
  // Draws of a position: words 4i and 4i + 1 of the stream, and the pair 4i + 2, 4i + 3.
  struct Place {
    Stream stream;
    std::uint64_t i;
    double uniform(std::uint64_t k) const { return random_uniform(stream, 4 * i + k); }
    std::int32_t below(std::uint64_t bound) const {
      return static_cast<std::int32_t>(random_below(stream, 2 * i + 1, bound));
    }
  };

  Masks(const Drawn& drawn, index length, double rate)
      : drawn_(drawn), length_(length), most_(rate) {
    double lowest = 1;
    for (index row = 0; row < drawn.rows; ++row)
      for (index at = 0; at < length; ++at) {
        lowest = std::min(lowest, place(row, at).uniform(0));
        if (lowest < rate) return;
      }
    most_ = std::nextafter(lowest, 2);
  }
  // Position `at` of row `row` of the batch.
  Place at(index row, index at) const { return place(drawn_.first + row, at); }
  bool hides(const Place& place) const { return place.uniform(0) < most_; }

 private:
  Place place(index row, index at) const {
    if (drawn_.split == Split::train)
      return {{drawn_.seed, Purpose::masking, static_cast<std::uint32_t>(drawn_.step), 0},
              static_cast<std::uint64_t>(row * length_ + at)};
    return {{0, Purpose::evaluation, static_cast<std::uint32_t>(row), 0},
            static_cast<std::uint64_t>(at)};
  }

  Drawn drawn_;
  index length_;
  double most_;  // draws below it mask the position
};

// Predicts masked tokens from all others (Devlin et al. 2019): 80 % of the masked positions become
// the mask symbol, 10 % a random token, 10 % stay.
class MaskedLm : public Task {
 public:
  MaskedLm(Options& options, const DatasetInfo& info)
      : info_(info),
        rate_(options.number("mask_rate", 0.15, {0.001, 1},
                             "fraction of positions that are masked; at least one per step "
                             "and evaluation")) {
    need_tokens(options, info);
    if (info.pairs) options.reject("name", "data.name = tasks has targets; choose causal_lm");
  }
  ModelShape shape() const override {
    return {.vocabulary = info_.vocabulary + 1,
            .length = info_.length,
            .outputs = info_.vocabulary,
            .causal = false};
  }
  Batch pose(Batch batch, const Drawn& drawn) const override {
    const Masks masks(drawn, batch.length, rate_);
    const auto V = static_cast<std::uint64_t>(info_.vocabulary);
    for (std::size_t i = 0; i < batch.ids.size(); ++i) {
      std::int32_t& id = batch.ids[i];
      const Masks::Place place =
          masks.at(static_cast<index>(i) / batch.length, static_cast<index>(i) % batch.length);
      batch.targets[i] = masks.hides(place) ? id : -1;
      if (batch.targets[i] < 0) continue;
      const double kind = place.uniform(1);
      if (kind < 0.8)
        id = static_cast<std::int32_t>(info_.vocabulary);
      else if (kind < 0.9)
        id = place.below(V);
    }
    return batch;
  }
  Example prepare(const Batch& batch, Backend& backend) const override {
    return {input_of(batch, backend), Indices::of(batch.targets, backend), batch.domains,
            batch.domains};
  }

 private:
  const DatasetInfo& info_;
  double rate_;
};

// Predicts one label per sequence.
class Classification : public Task {
 public:
  Classification(Options& options, const DatasetInfo& info) : info_(info) {
    if (info.classes == 0) options.reject("name", "needs labelled data: data.name = idx");
  }
  ModelShape shape() const override {
    return {.vocabulary = info_.vocabulary,
            .features = info_.features,
            .length = info_.length,
            .outputs = info_.classes,
            .causal = false,
            .pooled = true};
  }
  Example prepare(const Batch& batch, Backend& backend) const override {
    Example example{
        input_of(batch, backend), Indices::of(batch.targets, backend), batch.domains, {}};
    for (std::size_t at = 0; at < batch.domains.size();
         at += static_cast<std::size_t>(batch.length))
      example.target_domains.push_back(batch.domains[at]);
    return example;
  }

 private:
  const DatasetInfo& info_;
};

}  // namespace

index count_targets(const Batch& batch) {
  return std::count_if(batch.targets.begin(), batch.targets.end(),
                       [](std::int32_t id) { return id >= 0; });
}

std::unique_ptr<Task> make_task(Options& options, const DatasetInfo& info) {
  const std::string name = options.choice(
      "name", "causal_lm", {"causal_lm", "masked_lm", "classification"}, "prediction task");
  if (name == "masked_lm") return std::make_unique<MaskedLm>(options, info);
  if (name == "classification") return std::make_unique<Classification>(options, info);
  return std::make_unique<CausalLm>(options, info);
}

std::vector<std::pair<std::string, std::string>> task_summaries() {
  return {{"causal_lm", "the next token from the ones before it"},
          {"masked_lm", "masked tokens from all others (Devlin et al. 2019)"},
          {"classification", "one label per sequence, from the mean over its positions"}};
}

}  // namespace moesim
