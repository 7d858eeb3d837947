#include "sim/moe/policies/second_choices.hpp"

#include "sim/config/text.hpp"
#include "sim/ops/ops.hpp"

#include <fmt/format.h>

#include <numeric>

namespace moesim {
namespace {

// For every place of a table [T, k]: of_token[j], counted on by `stride` from token to token; -1
// stays.
Indices table_of_tokens(const std::vector<std::int32_t>& of_token, index tokens, index stride,
                        Backend& backend) {
  return map_indices(
      Indices::of(of_token, backend),
      {.shape = {tokens, static_cast<index>(of_token.size()), 1}, .from = {0, 1}, .add = {stride}});
}

}  // namespace

SecondChoices::SecondChoices(Options& options) {
  in_training_ = options.choice("second", "all", {"all", "none", "threshold", "random"},
                                "second and later choices that are kept: all; none; gate > "
                                "threshold; with probability gate / threshold");
  in_evaluation_ = options.choice("second_eval", "all", {"all", "none", "threshold", "random"},
                                  "the same in evaluation");
  threshold_ =
      options.number("second_threshold", 0.2, {1e-6, 1}, "for second = threshold or random");
  const auto say = [&](const std::string& policy, Topic topic, const char* when) {
    const std::string limit = config::shortest(threshold_);
    if (policy == "none")
      options.explain(topic, fmt::format("{}: only the first choice stands", when));
    else if (policy == "threshold")
      options.explain(topic, fmt::format("{}: a second or later choice stands if its gate is above "
                                         "{}",
                                         when, limit));
    else if (policy == "random")
      options.explain(topic, fmt::format("{}: a second or later choice stands with probability "
                                         "min(1, g / {})",
                                         when, limit));
  };
  say(in_training_, Topic::selection, "training");
  say(in_evaluation_, Topic::evaluation, "evaluation");
}

Indices SecondChoices::standing(const Indices& choice, const Tensor& gates,
                                const Context& context) const {
  const index T = gates.rows(), k = gates.cols();
  if (k == 1) return choice;
  const bool differs = in_training_ != in_evaluation_;
  const std::string& policy = differs && context.trained_rules() ? in_training_ : in_evaluation_;
  if (policy == "all") return choice;
  Backend& backend = choice.backend();
  std::vector<std::int32_t> only_first(static_cast<std::size_t>(k), -1);
  only_first[0] = 0;
  const Indices first = look_up(choice, table_of_tokens(only_first, T, k, backend));
  if (policy == "none") return first;
  const auto limit = static_cast<real>(threshold_);
  if (policy == "threshold")
    return where_less(Tensor::full(gates.shape(), limit, backend), gates, choice, first);
  // One draw for every choice but the first.
  std::vector<std::int32_t> draw(static_cast<std::size_t>(k), -1);
  std::iota(draw.begin() + 1, draw.end(), 0);
  const Tensor u = context.uniform(Purpose::second_choice, {T, k - 1}, backend);
  return where_less(pick(u, table_of_tokens(draw, T, k - 1, backend)),
                    affine(gates.detach(), 1 / limit), choice, first);
}

}  // namespace moesim
