#include "sim/train/regret.hpp"

#include "sim/backend/backend.hpp"
#include "sim/core/random.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace moesim {
namespace {

// `wanted` of the positions of a sequence that have a target, drawn without replacement; ascending.
std::vector<index> drawn_positions(const std::vector<std::int32_t>& targets, std::size_t first,
                                   index length, index wanted, index sequence) {
  std::vector<index> all;
  for (index s = 0; s < length; ++s)
    if (targets[first + static_cast<std::size_t>(s)] >= 0) all.push_back(s);
  const Stream stream{0, Purpose::sampling, 0, static_cast<std::uint32_t>(sequence)};
  const auto count = std::min(static_cast<std::size_t>(wanted), all.size());
  for (std::size_t i = 0; i < count; ++i)
    std::swap(all[i], all[i + random_below(stream, i, all.size() - i)]);
  all.resize(count);
  std::sort(all.begin(), all.end());
  return all;
}

// The experts with the last one exchanged for that of the largest score among the others.
std::vector<std::int32_t> second_choice(std::vector<std::int32_t> experts,
                                        std::span<const real> scores) {
  std::int32_t next = -1;
  for (std::size_t e = 0; e < scores.size(); ++e) {
    const auto expert = static_cast<std::int32_t>(e);
    if (std::find(experts.begin(), experts.end(), expert) != experts.end()) continue;
    if (next < 0 || scores[e] > scores[static_cast<std::size_t>(next)]) next = expert;
  }
  if (next < 0) return {};
  experts.back() = next;
  return experts;
}

struct Place {
  index sequence = 0, position = 0;  // of the batch
};

// The tokens of a batch in one layer.
class BatchLayer {
 public:
  BatchLayer(Counterfactuals& batch, std::size_t layer) : batch_(batch), layer_(layer) {}

  void add(const Place& place, TokenRegret token, RegretSample& sample) {
    const std::vector<std::int32_t> experts =
        batch_.experts_of(layer_, place.sequence, place.position);
    ++sample.sampled;
    if (experts.empty()) {
      ++sample.unserved;
      return;
    }
    const auto choices = all_choices(batch_.experts(layer_), experts.size());
    const auto found = std::find(choices.begin(), choices.end(), experts);
    if (found == choices.end()) {
      ++sample.too_many;
      return;
    }
    token.layer = layer_;
    token.choices = static_cast<index>(choices.size());
    const std::vector<std::int32_t> next =
        second_choice(experts, batch_.scores_of(layer_, place.sequence, place.position));
    const auto second = std::find(choices.begin(), choices.end(), next);
    tokens_.push_back({token, static_cast<std::size_t>(found - choices.begin()),
                       static_cast<std::size_t>(second - choices.begin()), alternatives_.size()});
    for (const std::vector<std::int32_t>& one : choices)
      alternatives_.push_back({place.sequence, place.position, one});
  }

  void evaluate(RegretSample& sample) {
    const std::vector<double> losses = batch_.losses(layer_, alternatives_);
    for (Asked& one : tokens_) {
      const double* own = losses.data() + one.first;
      const auto count = static_cast<std::size_t>(one.token.choices);
      one.token.chosen = own[one.chosen];
      one.token.best = *std::min_element(own, own + count);
      double sum = 0;
      for (std::size_t i = 0; i < count; ++i) sum += own[i];
      one.token.random = sum / static_cast<double>(count);
      one.token.second =
          one.second < count ? own[one.second] : std::numeric_limits<double>::quiet_NaN();
      sample.tokens.push_back(one.token);
    }
  }

 private:
  struct Asked {
    TokenRegret token;
    std::size_t chosen, second, first;  // first: of its alternatives
  };
  Counterfactuals& batch_;
  std::size_t layer_;
  std::vector<Asked> tokens_;
  std::vector<Alternative> alternatives_;
};

}  // namespace

std::vector<std::vector<std::int32_t>> all_choices(index experts, std::size_t n) {
  std::vector<std::vector<std::int32_t>> all;
  const auto E = static_cast<std::int32_t>(experts);
  if (n == 0 || n > 2 || (n == 1 ? experts : experts * (experts - 1)) > kMostChoices) return all;
  for (std::int32_t a = 0; a < E; ++a) {
    if (n == 1) all.push_back({a});
    for (std::int32_t b = 0; n == 2 && b < E; ++b)
      if (b != a) all.push_back({a, b});
  }
  return all;
}

RegretSample measure_regret(Transformer& model, const Evaluator& evaluator, const Task& task,
                            Backend& backend, index count) {
  RegretSample sample;
  const index all = evaluator.sequences();
  index first = 0;  // sequence of the batch
  for (index i = 0; i < evaluator.batches(); ++i) {
    const Batch batch = evaluator.posed(i);
    const Example example = task.prepare(batch, backend);
    const index length = example.input.length;
    Counterfactuals counterfactuals(model, example, evaluator.context(i), backend);
    std::vector<Place> places;
    for (index b = 0; b < example.input.batch; ++b) {
      const index q = first + b,
                  wanted = count == 0 ? length : (q + 1) * count / all - q * count / all;
      for (const index s :
           drawn_positions(batch.targets, static_cast<std::size_t>(b * length), length, wanted, q))
        places.push_back({b, s});
    }
    for (std::size_t layer = 0; layer < counterfactuals.layers(); ++layer) {
      BatchLayer tokens(counterfactuals, layer);
      for (const Place& place : places) {
        const auto row = static_cast<std::size_t>(place.sequence * length + place.position);
        TokenRegret token;
        token.sequence = first + place.sequence, token.position = place.position;
        token.id = batch.ids[row];
        if (!example.domains.empty()) token.domain = example.domains[row];
        tokens.add(place, token, sample);
      }
      tokens.evaluate(sample);
    }
    first += example.input.batch;
  }
  sample.sequences = all;
  return sample;
}

}  // namespace moesim
