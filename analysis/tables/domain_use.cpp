#include "analysis/tables/domain_use.hpp"

#include "analysis/statistics/sample.hpp"
#include "analysis/tables/expert_load.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>

namespace moesim {
namespace {

std::vector<double> shares_of(const std::vector<double>& load) {
  const double total = std::accumulate(load.begin(), load.end(), 0.0);
  std::vector<double> shares;
  for (const double value : load) shares.push_back(value / total);
  return shares;
}

// Parses "1.2,1.3"; NaN for text that is not a number.
std::vector<double> numbers_in(const std::string& text) {
  std::vector<double> numbers;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    double number = kNone;
    std::from_chars(text.data() + at, text.data() + end, number);
    numbers.push_back(number);
    at = end + 1;
  }
  return numbers;
}

double known_or_none(double bayes_loss) { return bayes_loss >= 0 ? bayes_loss : kNone; }

std::vector<std::string> names_of(const Run& run, std::size_t count) {
  const Variable* variable = run.file.find("domain");
  if (variable != nullptr && variable->texts.size() == count) return variable->texts;
  std::vector<std::string> names;
  for (std::size_t d = 0; d < count; ++d) names.push_back(fmt::format("domain {}", d));
  return names;
}

DomainLayer layer_of(const double* load, std::size_t domains, std::size_t experts) {
  DomainLayer layer;
  std::vector<double> all(experts, 0), totals;
  for (std::size_t d = 0; d < domains; ++d) {
    const std::vector<double> own(load + d * experts, load + (d + 1) * experts);
    for (std::size_t e = 0; e < experts; ++e) all[e] += own[e];
    totals.push_back(std::accumulate(own.begin(), own.end(), 0.0));
    layer.share.push_back(shares_of(own));
  }
  layer.all = shares_of(all);
  layer.part = shares_of(totals);
  return layer;
}

void add_losses(const Run& run, std::size_t row, DomainUse& use) {
  use.loss = row_from_last(run, "domain_loss", {"eval", "domain"}, row);
  use.targets = row_from_last(run, "domain_targets", {"eval", "domain"}, row);
  const std::vector<double> all = row_from_last(run, "eval_loss", {"eval"}, row);
  use.loss_all = all.empty() ? kNone : all[0];
  use.regret_all = use.loss_all - known_or_none(run.number("bayes_loss"));
  std::vector<double> bayes = numbers_in(run.file.text("bayes_loss_domains"));
  if (bayes.size() != use.loss.size()) bayes.assign(use.loss.size(), kNone);
  for (std::size_t d = 0; d < use.loss.size(); ++d)
    use.regret.push_back(use.loss[d] - known_or_none(bayes[d]));
}

void add_loads(const Run& run, std::size_t row, DomainUse& use) {
  const std::vector<std::string> dims = {"eval", "layer", "domain", "expert"};
  const std::vector<double> load = row_from_last(run, "domain_load", dims, row);
  if (load.empty()) return;
  const std::vector<std::int64_t>& shape = run.variable("domain_load", dims)->shape;
  const auto layers = static_cast<std::size_t>(shape[1]);
  const auto domains = static_cast<std::size_t>(shape[2]);
  const auto experts = static_cast<std::size_t>(shape[3]);
  if (experts < 2) return;
  const std::vector<double> nmi = row_from_last(run, "eval_domain_nmi", {"eval", "layer"}, row);
  const std::vector<std::int64_t> labels = layer_labels(run, layers);
  for (std::size_t l = 0; l < layers; ++l) {
    use.layers.push_back(layer_of(load.data() + l * domains * experts, domains, experts));
    use.layers.back().layer = labels[l];
    use.layers.back().nmi = l < nmi.size() ? nmi[l] : kNone;
  }
  if (use.loss.empty()) {
    use.loss.assign(domains, kNone);
    use.regret.assign(domains, kNone);
  }
}

}  // namespace

Excerpt domain_excerpt(const At& at) {
  const std::int64_t rows = at.kind == At::Kind::last ? 1 : kAllRows;
  Excerpt excerpt{{}, {{"layer", kMostLabels}, {"domain", kMostLabels}}};
  for (const char* name : {"eval_step", "eval_loss", "domain_loss", "domain_targets", "domain_load",
                           "eval_domain_nmi"})
    excerpt.last_rows[name] = rows;
  return excerpt;
}

DomainUse domain_use_of(const Run& run, const At& at) {
  DomainUse use;
  const auto row = evaluation_of(run, at);
  if (!row) return use;
  use.evaluated = true;
  use.measure = measure_of(run);
  add_losses(run, *row, use);
  add_loads(run, *row, use);
  use.names = names_of(run, use.loss.size());
  return use;
}

double top_share(const std::vector<double>& shares) {
  const double most = *std::max_element(shares.begin(), shares.end());
  return std::isnan(shares[0]) ? kNone : most;
}

double normalised_entropy_of(const std::vector<double>& shares) {
  double entropy = 0;
  for (const double share : shares)
    if (!(share <= 0)) entropy -= share * std::log(share);
  return entropy / std::log(static_cast<double>(shares.size()));
}

}  // namespace moesim
