// Compares load metrics with reference values.
#include "sim/moe/metrics.hpp"

#include "analysis/traces/coactivation.hpp"
#include "analysis/traces/collapse.hpp"
#include "analysis/traces/information.hpp"
#include "analysis/traces/label_counts.hpp"
#include "analysis/traces/overlap.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/oracle.hpp"

#include <algorithm>
#include <cmath>

namespace moesim::testing {
namespace {

// Rows of softmax(logits).
std::vector<double> softmax_rows(const std::vector<double>& logits, index cols) {
  std::vector<double> p = logits;
  const auto n = static_cast<std::size_t>(cols);
  for (std::size_t row = 0; row < p.size(); row += n) {
    const double most = *std::max_element(p.begin() + static_cast<std::ptrdiff_t>(row),
                                          p.begin() + static_cast<std::ptrdiff_t>(row + n));
    double sum = 0;
    for (std::size_t c = 0; c < n; ++c) sum += p[row + c] = std::exp(p[row + c] - most);
    for (std::size_t c = 0; c < n; ++c) p[row + c] /= sum;
  }
  return p;
}

std::vector<std::int32_t> first_of(const std::vector<std::int32_t>& choice, index k) {
  std::vector<std::int32_t> first;
  for (std::size_t i = 0; i < choice.size(); i += static_cast<std::size_t>(k))
    first.push_back(choice[i]);
  return first;
}

std::vector<double> transposed(const std::vector<double>& table, index cols) {
  const auto n = static_cast<std::size_t>(cols), rows = table.size() / n;
  std::vector<double> result(table.size());
  for (std::size_t i = 0; i < table.size(); ++i) result[i % n * rows + i / n] = table[i];
  return result;
}

void compare_metrics(Oracle& oracle) {
  const index E = oracle.integer("num_experts"), k = oracle.integer("top_k");
  const index D = oracle.integer("num_domains"), V = oracle.integer("vocab");
  const auto choice = oracle.integers("topk_index"),
             other = oracle.integers("topk_index_other_checkpoint"),
             next = oracle.integers("topk_index_next_layer"), domain = oracle.integers("domain"),
             id = oracle.integers("token_id");
  const std::vector<double>& keep = oracle.input("keep").values;
  const std::vector<double> scores = softmax_rows(oracle.input("logits").values, E);
  const auto check = [&](const std::string& name, const std::vector<double>& got) {
    oracle.compare_in_double("metrics/" + name, got);
  };
  const auto number = [&](const std::string& name, double got) { check(name, {got}); };
  using namespace metrics;

  const std::vector<double> load = counts(choice, E);
  check("count", load);
  check("load", share(load));
  check("load_factor", load_factor(load));
  number("cv", cv(load));
  number("max_over_mean", max_over_mean(load));
  number("max_vio", max_violation(load));
  number("dead_experts", static_cast<double>(dead(load)));
  number("starved_experts", static_cast<double>(starved(load)));
  number("load_entropy", entropy(load));
  number("effective_experts_exp", effective_experts(load));
  number("effective_experts_participation", participation_ratio(load));

  number("router_entropy_mean", row_entropy(scores, E));
  number("router_entropy_normalised", normalised_entropy(row_entropy(scores, E), E));
  number("marginal_entropy", marginal_entropy(scores, E));
  number("token_expert_mi", token_information(scores, E));

  number("dropped_assignment_fraction", dropped_fraction(keep));
  number("fully_dropped_token_fraction", unrouted_fraction(keep, k));
  number("saturation_topk", agreement(choice, other, k));
  number("saturation_top1", first_agreement(choice, other, k));
  check("coactivation_all", co_activation(choice, k, E));
  check("coactivation_adjacent_olmoe_script", co_activation(choice, k, E, Pairs::adjacent));

  const std::vector<double> by_domain = metrics::table(domain, D, choice, k, E);
  check("domain_specialisation", transposed(row_fractions(by_domain, counts(domain, D), E), E));
  number("expert_domain_mi", information(by_domain, E));
  number("expert_domain_mi_over_hdom", normalised_information(by_domain, E));
  const std::vector<std::int32_t> first = first_of(choice, k);
  number("vocab_specialisation_top1",
         specialisation(metrics::table(id, V, first, 1, E), counts(id, V), E));
  number("vocab_specialisation_topk",
         specialisation(metrics::table(id, V, choice, k, E), counts(id, V), E));
  number("crosslayer_cond_entropy_top1",
         conditional_entropy(metrics::table(first, E, first_of(next, k), 1, E), E));
}

// The same metrics by moesim analyze, from lists of choices.
void compare_traces(Oracle& oracle) {
  const auto E = oracle.integer("num_experts");
  const auto k = static_cast<std::size_t>(oracle.integer("top_k"));
  const auto domain = oracle.integers("domain"), id = oracle.integers("token_id");
  const auto domains = static_cast<std::size_t>(oracle.integer("num_domains"));
  const auto vocabulary = static_cast<std::size_t>(oracle.integer("vocab"));
  const auto choices_in = [&](const char* array) {
    return choices_of_table(oracle.integers(array), k, E);
  };
  const TokenChoices choices = choices_in("topk_index");
  const auto check = [&](const std::string& name, const std::vector<double>& got) {
    oracle.compare_in_double("metrics/" + name, got);
  };
  const auto dense = [&](PairCounts& counts) {
    std::vector<double> table(counts.rows() * counts.cols(), 0);
    counts.each([&](std::size_t row, std::size_t col, std::uint64_t n) {
      table[row * counts.cols() + col] = static_cast<double>(n);
    });
    return table;
  };

  check("count", choices.load());
  const auto count = static_cast<std::size_t>(E);
  for (const bool adjacent : {false, true}) {
    PairCounts together = chosen_together(choices, adjacent);
    std::vector<double> probability(count * count, 0);
    for (const Coactivation& pair : coactivations(together, choices.load()))
      probability[pair.i * count + pair.j] = pair.probability;
    check(adjacent ? "coactivation_adjacent_olmoe_script" : "coactivation_all", probability);
  }

  PairCounts by_domain = labels_by_expert(domain, domains, choices);
  const Information information = information_of(by_domain);
  check("expert_domain_mi", {information.plug_in()});
  check("expert_domain_mi_over_hdom", {information.over_rows()});
  std::vector<double> shares = transposed(dense(by_domain), E);  // [experts, domains]
  const std::vector<double> tokens = tokens_of_labels(domain, domains, choices);
  for (std::size_t i = 0; i < shares.size(); ++i) shares[i] /= tokens[i % domains];
  check("domain_specialisation", shares);

  const TokenChoices first = first_choices(choices);
  for (const TokenChoices* of : {&choices, &first}) {
    PairCounts by_id = labels_by_expert(id, vocabulary, *of);
    check(of == &first ? "vocab_specialisation_top1" : "vocab_specialisation_topk",
          {mean_largest_share(by_id, tokens_of_labels(id, vocabulary, *of))});
  }
  PairCounts next =
      labels_by_expert(first.expert, count, first_choices(choices_in("topk_index_next_layer")));
  check("crosslayer_cond_entropy_top1", {information_of(next).conditional()});
  const Overlap overlap = overlap_of(choices, choices_in("topk_index_other_checkpoint"));
  check("saturation_topk", {overlap.share});
  check("saturation_top1", {overlap.first});
  const LoadVerdict verdict = judge_load(choices.load(), static_cast<double>(choices.tokens()), {});
  check("dead_experts", {verdict.dead});
  check("starved_experts", {verdict.starved});
  check("max_vio", {verdict.max_violation});
  check("effective_experts_exp", {verdict.effective});
}

}  // namespace

TEST_CASE("oracle: metrics", "[oracle]") {
  check_oracles("metrics", [](Oracle& oracle) {
    compare_metrics(oracle);
    compare_traces(oracle);
  });
}

}  // namespace moesim::testing
