#include "sim/moe/metrics.hpp"

#include "sim/core/error.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace moesim::metrics {
namespace {

constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

double total(Values v) { return std::accumulate(v.begin(), v.end(), 0.0); }

double mean(Values v) { return v.empty() ? kUndefined : total(v) / static_cast<double>(v.size()); }

// Row r of a table.
Values row(Values table, std::size_t r, index cols) {
  const auto n = static_cast<std::size_t>(cols);
  return table.subspan(r * n, n);
}

// Number of rows of `cols` among `size` values.
std::size_t rows_of(const char* where, std::size_t size, index cols) {
  if (cols < 1 || size % static_cast<std::size_t>(cols) != 0)
    fail_in(where, std::to_string(size) + " values in rows of " + std::to_string(cols));
  return size / static_cast<std::size_t>(cols);
}

std::vector<double> column_sums(Values table, index cols) {
  std::vector<double> sums(static_cast<std::size_t>(cols));
  for (std::size_t i = 0; i < table.size(); ++i) sums[i % sums.size()] += table[i];
  return sums;
}

std::vector<double> row_sums(const char* where, Values table, index cols) {
  std::vector<double> sums(rows_of(where, table.size(), cols));
  for (std::size_t r = 0; r < sums.size(); ++r) sums[r] = total(row(table, r, cols));
  return sums;
}

}  // namespace

std::vector<double> counts(Choices choice, index experts) {
  std::vector<double> load(static_cast<std::size_t>(experts));
  for (const std::int32_t e : choice)
    if (e >= 0) load.at(static_cast<std::size_t>(e)) += 1;
  return load;
}

std::vector<double> share(Values load) {
  const double all = total(load);
  std::vector<double> result;
  for (const double n : load) result.push_back(n / all);
  return result;
}

std::vector<double> load_factor(Values load) {
  const double average = mean(load);
  std::vector<double> result;
  for (const double n : load) result.push_back(n / average);
  return result;
}

double cv(Values load) {
  const double average = mean(load);
  double squares = 0;
  for (const double n : load) squares += (n - average) * (n - average);
  return std::sqrt(squares / static_cast<double>(load.size())) / average;
}

double max_over_mean(Values load) {
  return load.empty() ? kUndefined : *std::max_element(load.begin(), load.end()) / mean(load);
}

double max_violation(Values load) { return max_over_mean(load) - 1; }

index dead(Values load) { return std::count(load.begin(), load.end(), 0.0); }

index starved(Values load, double fraction) {
  const double least = fraction * mean(load);
  return std::count_if(load.begin(), load.end(), [&](double n) { return n < least || n == 0; });
}

// log Σ w - Σ w log w / Σ w
double entropy(Values weights) {
  const double all = total(weights);
  if (!(all > 0)) return kUndefined;
  double sum = 0;
  for (const double w : weights)
    if (w > 0) sum -= w / all * std::log(w / all);
  return sum;
}

double effective_experts(Values load) { return std::exp(entropy(load)); }

double participation_ratio(Values load) {
  const double all = total(load);
  double squares = 0;
  for (const double n : load) squares += n / all * (n / all);
  return 1 / squares;
}

double row_entropy(Values scores, index experts) {
  const std::size_t rows = rows_of("row_entropy", scores.size(), experts);
  double sum = 0;
  for (std::size_t r = 0; r < rows; ++r) sum += entropy(row(scores, r, experts));
  return sum / static_cast<double>(rows);
}

double marginal_entropy(Values scores, index experts) {
  rows_of("marginal_entropy", scores.size(), experts);
  return entropy(column_sums(scores, experts));
}

double token_information(Values scores, index experts) {
  return marginal_entropy(scores, experts) - row_entropy(scores, experts);
}

double normalised_entropy(double entropy, index experts) {
  return experts == 1 ? 0 : entropy / std::log(static_cast<double>(experts));
}

double dropped_fraction(Values keep) {
  return static_cast<double>(std::count(keep.begin(), keep.end(), 0.0)) /
         static_cast<double>(keep.size());
}

double unrouted_fraction(Values keep, index k) {
  const std::size_t tokens = rows_of("unrouted_fraction", keep.size(), k);
  double none = 0;
  for (std::size_t t = 0; t < tokens; ++t) none += total(row(keep, t, k)) == 0;
  return none / static_cast<double>(tokens);
}

double agreement(Choices a, Choices b, index k) {
  const std::size_t tokens = rows_of("agreement", a.size(), k);
  if (a.size() != b.size()) fail_in("agreement", "the routings are of different sizes");
  const auto n = static_cast<std::size_t>(k);
  double both = 0;
  for (std::size_t t = 0; t < tokens; ++t) {
    const Choices of_b = b.subspan(t * n, n);
    for (const std::int32_t e : a.subspan(t * n, n))
      both += e >= 0 && std::find(of_b.begin(), of_b.end(), e) != of_b.end();
  }
  return both / static_cast<double>(a.size());
}

double first_agreement(Choices a, Choices b, index k) {
  const std::size_t tokens = rows_of("first_agreement", a.size(), k);
  if (a.size() != b.size()) fail_in("first_agreement", "the routings are of different sizes");
  double same = 0;
  for (std::size_t i = 0; i < a.size(); i += static_cast<std::size_t>(k)) same += a[i] == b[i];
  return same / static_cast<double>(tokens);
}

std::vector<double> co_activation(Choices choice, index k, index experts, Pairs pairs) {
  const std::size_t tokens = rows_of("co_activation", choice.size(), k);
  const std::vector<double> load = counts(choice, experts);
  const auto E = static_cast<std::size_t>(experts);
  std::vector<double> result(E * E);
  for (std::size_t t = 0; t < tokens; ++t)
    for (index i = 0; i < k; ++i)
      for (index j = 0; j < k; ++j) {
        if (i == j || (pairs == Pairs::adjacent && std::abs(i - j) != 1)) continue;
        const std::int32_t from =
            choice[t * static_cast<std::size_t>(k) + static_cast<std::size_t>(i)];
        const std::int32_t to =
            choice[t * static_cast<std::size_t>(k) + static_cast<std::size_t>(j)];
        if (from < 0 || to < 0) continue;
        result[static_cast<std::size_t>(from) * E + static_cast<std::size_t>(to)] += 1;
      }
  for (std::size_t i = 0; i < result.size(); ++i)
    if (load[i / E] > 0) result[i] /= load[i / E];
  return result;
}

std::vector<double> table(Choices row_of_token, index rows, Choices choice, index k,
                          index experts) {
  if (row_of_token.size() != rows_of("table", choice.size(), k))
    fail_in("table", "the choices are not those of as many tokens");
  std::vector<double> result(static_cast<std::size_t>(rows * experts));
  for (std::size_t i = 0; i < choice.size(); ++i) {
    const std::int32_t r = row_of_token[i / static_cast<std::size_t>(k)];
    if (r >= 0 && choice[i] >= 0) result.at(static_cast<std::size_t>(r * experts + choice[i])) += 1;
  }
  return result;
}

std::vector<double> row_fractions(Values table, Values tokens, index cols) {
  if (rows_of("row_fractions", table.size(), cols) != tokens.size())
    fail_in("row_fractions", "the numbers of tokens are not one per row");
  std::vector<double> result;
  for (std::size_t i = 0; i < table.size(); ++i)
    result.push_back(table[i] / tokens[i / static_cast<std::size_t>(cols)]);
  return result;
}

double specialisation(Values table, Values tokens, index cols) {
  const std::vector<double> fractions = row_fractions(table, tokens, cols);
  double sum = 0, seen = 0;
  for (std::size_t r = 0; r < tokens.size(); ++r) {
    if (tokens[r] == 0) continue;
    const Values of_row = row(fractions, r, cols);
    sum += *std::max_element(of_row.begin(), of_row.end());
    ++seen;
  }
  return sum / seen;
}

// H(row) + H(col) - H(row, col), at least 0: rounding can make it negative
double information(Values table, index cols) {
  const double difference = entropy(row_sums("information", table, cols)) +
                            entropy(column_sums(table, cols)) - entropy(table);
  return difference < 0 ? 0 : difference;
}

double normalised_information(Values table, index cols) {
  const double shared = information(table, cols);
  const double rows = entropy(row_sums("normalised_information", table, cols));
  return rows == 0 ? 0 : shared / rows;
}

double conditional_entropy(Values table, index cols) {
  return entropy(table) - entropy(row_sums("conditional_entropy", table, cols));
}

}  // namespace moesim::metrics
