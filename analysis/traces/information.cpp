#include "analysis/traces/information.hpp"

#include <algorithm>
#include <cmath>

namespace moesim {
namespace {

double n_log_n(double n) { return n > 0 ? n * std::log(n) : 0; }

}  // namespace

double Information::plug_in() const {
  return std::max(0.0, row_entropy + col_entropy - joint_entropy);
}

double Information::miller_madow() const {
  if (!(total > 0)) return 0;
  return row_entropy + col_entropy - joint_entropy - (cells - rows - cols + 1) / (2 * total);
}

double Information::over_rows() const { return row_entropy > 0 ? plug_in() / row_entropy : 0; }

double Information::over_smaller() const {
  const double smaller = std::min(row_entropy, col_entropy);
  return smaller > 0 ? plug_in() / smaller : 0;
}

Information information_of(PairCounts& counts) {
  Information found;
  std::vector<double> row(counts.rows(), 0), col(counts.cols(), 0);
  double joint = 0;
  counts.each([&](std::size_t r, std::size_t c, std::uint64_t n) {
    const auto count = static_cast<double>(n);
    row[r] += count, col[c] += count;
    found.total += count;
    joint += n_log_n(count);
    ++found.cells;
  });
  if (!(found.total > 0)) return found;
  const double log_total = std::log(found.total);
  const auto margin = [&](const std::vector<double>& sums, double& occurring) {
    double sum = 0;
    for (const double n : sums) sum += n_log_n(n), occurring += n > 0;
    return occurring == 1 ? 0 : log_total - sum / found.total;
  };
  found.row_entropy = margin(row, found.rows);
  found.col_entropy = margin(col, found.cols);
  found.joint_entropy = found.cells == 1 ? 0 : log_total - joint / found.total;
  return found;
}

}  // namespace moesim
