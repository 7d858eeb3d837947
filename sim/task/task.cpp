#include "sim/task/task.hpp"

namespace moesim {
namespace {

ModelInput input_of(const Batch& batch, const std::vector<std::int32_t>& ids, Backend& backend) {
  ModelInput input{batch.batch, batch.length, {}, {}};
  if (!ids.empty()) {
    input.ids = Indices::of(ids, backend);
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

// The next token from the ones before it.
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
  Example prepare(const Batch& batch, const Context&, Backend& backend) const override {
    return {input_of(batch, batch.ids, backend), Indices::of(batch.targets, backend), batch.domains,
            batch.domains};
  }

 private:
  const DatasetInfo& info_;
};

// Hidden tokens from all others (Devlin et al. 2019): of the chosen positions 80 % become the mask
// symbol, 10 % a random token, 10 % stay.
class MaskedLm : public Task {
 public:
  MaskedLm(Options& options, const DatasetInfo& info)
      : info_(info),
        rate_(options.number("mask_rate", 0.15, {0.001, 1}, "share of positions to be predicted")) {
    need_tokens(options, info);
  }
  ModelShape shape() const override {
    return {.vocabulary = info_.vocabulary + 1,
            .length = info_.length,
            .outputs = info_.vocabulary,
            .causal = false};
  }
  Example prepare(const Batch& batch, const Context& context, Backend& backend) const override {
    std::vector<std::int32_t> ids = batch.ids, targets(ids.size(), -1);
    // Evaluation masks are the same for every seed and every step of training.
    const Stream stream{context.training ? context.seed : 0,
                        context.training ? Purpose::masking : Purpose::evaluation,
                        static_cast<std::uint32_t>(context.step), 0};
    const auto V = static_cast<std::uint64_t>(info_.vocabulary);
    for (std::size_t i = 0; i < ids.size(); ++i) {
      // Words 4i and 4i + 1 of the stream, then the pair 4i + 2, 4i + 3.
      if (random_uniform(stream, 4 * i) >= rate_) continue;
      targets[i] = ids[i];
      const double kind = random_uniform(stream, 4 * i + 1);
      if (kind < 0.8)
        ids[i] = static_cast<std::int32_t>(info_.vocabulary);
      else if (kind < 0.9)
        ids[i] = static_cast<std::int32_t>(random_below(stream, 2 * i + 1, V));
    }
    return {input_of(batch, ids, backend), Indices::of(targets, backend), batch.domains,
            batch.domains};
  }

 private:
  const DatasetInfo& info_;
  double rate_;
};

// One label per sequence.
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
  Example prepare(const Batch& batch, const Context&, Backend& backend) const override {
    Example example{input_of(batch, batch.ids, backend),
                    Indices::of(batch.targets, backend),
                    batch.domains,
                    {}};
    for (std::size_t at = 0; at < batch.domains.size();
         at += static_cast<std::size_t>(batch.length))
      example.target_domains.push_back(batch.domains[at]);
    return example;
  }

 private:
  const DatasetInfo& info_;
};

}  // namespace

std::unique_ptr<Task> make_task(Options& options, const DatasetInfo& info) {
  const std::string name = options.choice(
      "name", "causal_lm", {"causal_lm", "masked_lm", "classification"}, "what is learned");
  if (name == "masked_lm") return std::make_unique<MaskedLm>(options, info);
  if (name == "classification") return std::make_unique<Classification>(options, info);
  return std::make_unique<CausalLm>(options, info);
}

std::vector<std::pair<std::string, std::string>> task_summaries() {
  return {{"causal_lm", "the next token from the ones before it"},
          {"masked_lm", "hidden tokens from all others (Devlin et al. 2019)"},
          {"classification", "one label per sequence, from the mean over its positions"}};
}

}  // namespace moesim
