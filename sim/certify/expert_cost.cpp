// The items "cost" and "threads" of an expert: flops_per_row() and bits on several numbers of
// threads.
#include "sim/certify/bank.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <utility>

namespace moesim::certificate {
namespace {

// Largest allowed ratio of the estimate to the products: the estimate may include activations.
constexpr double kBeside = 1.25;

Loads large_loads(index experts) {
  Loads loads(static_cast<std::size_t>(experts), 90);
  loads.front() = 300;
  if (experts > 1) loads[1] = 0;
  return loads;
}

// Returns "" if flops_per_row() and the products of a pass agree.
std::string trouble(Bank& bank, double& counted) {
  const Rows rows = bank.rows(1, large_loads(bank.site().experts));
  bank.backend().counted = 0;
  bank.apply(rows);
  counted = bank.backend().counted / static_cast<double>(rows.x.rows());
  const double declared = bank.expert().flops_per_row();
  if (!std::isfinite(declared) || declared <= 0)
    return fmt::format("flops_per_row() is {}, not a positive number", declared);
  if (counted == 0 || (declared >= counted * (1 - 1e-9) && declared <= kBeside * counted))
    return {};
  return fmt::format(
      "flops_per_row() is {:.6g}, the products of a row take {:.6g} (width {}, "
      "hidden {})",
      declared, counted, bank.site().width, bank.site().hidden);
}

using NamedValues = std::vector<std::pair<std::string, std::vector<real>>>;

NamedValues trace(Bank& bank, const Rows& rows, const char* form, int threads) {
  bank.backend().set_threads(threads);
  Tape tape;
  Tensor y;
  {
    const Tape::Scope scope(&tape);
    y = bank.apply(rows);
  }
  NamedValues result{{std::string("the output") + form, y.to_host()}};
  for (const Parameter& p : bank.parameters()) p.value.clear_gradient();
  rows.x.clear_gradient();
  tape.backward(y, Tensor::of(y.shape(), normals(6, "dy", y.size(), 1), bank.backend()));
  for (const Parameter& p : bank.parameters())
    result.emplace_back("the gradient of " + p.name + form, gradient_of(p.value));
  result.emplace_back(std::string("the gradient of the rows") + form, gradient_of(rows.x));
  return result;
}

// Returns "" if all numbers of threads give the same bits.
std::string other_bits(Bank& bank, const Rows& rows, const char* form) {
  const NamedValues one = trace(bank, rows, form, 1);
  for (const int threads : {2, 3, 7}) {
    const NamedValues several = trace(bank, rows, form, threads);
    for (std::size_t i = 0; i < one.size(); ++i)
      if (std::memcmp(one[i].second.data(), several[i].second.data(),
                      one[i].second.size() * sizeof(real)) != 0)
        return fmt::format("{} has different bits on {} threads and on one", one[i].first, threads);
  }
  return {};
}

}  // namespace

Item check_cost(const Subject& subject) {
  Bank bank(subject, large_sites(true));
  ExpertSite wide = bank.site();
  wide.hidden *= 3;
  Bank wider(subject, wide);
  double counted = 0, ignored = 0;
  std::string what = trouble(bank, counted);
  if (what.empty()) what = trouble(wider, ignored);
  if (!what.empty()) return {{}, Verdict::fail, what};
  if (counted == 0) return {{}, Verdict::pass, "runs no products"};
  return {{}, Verdict::pass, fmt::format("{:.4g} of products", counted)};
}

Item check_expert_threads(const Subject& subject) {
  Bank bank(subject, large_sites(true));
  bank.randomise(2);
  std::string what = other_bits(bank, bank.rows(2, large_loads(bank.site().experts)), "");
  if (what.empty()) try {
      what = other_bits(bank, bank.merged_rows(2, {200, 0, 1, 99}), " with merged weights");
    } catch (const Error&) {
      // The item "merged" reports this.
    }
  if (!what.empty()) return {{}, Verdict::fail, what};
  return {{}, Verdict::pass, "same bits"};
}

}  // namespace moesim::certificate
