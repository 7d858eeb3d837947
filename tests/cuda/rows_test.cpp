// Tests sums, softmax, norms, cross-entropy, row moves and top-k on the device.
#include "tests/cuda/support.hpp"

#include <limits>

namespace moesim::testing {
namespace {

struct Size {
  index rows, cols;
};
const Size kRowSizes[] = {{0, 3}, {1, 1}, {2, 31}, {5, 33}, {67, 8}, {131, 300}};

// n numbers below `bound`, some of them -1.
std::vector<i32> numbers(index n, index bound, bool none = true) {
  std::vector<i32> result(static_cast<std::size_t>(n));
  std::uint64_t state = 42;
  for (i32& v : result) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    v = none && (state >> 40) % 7 == 0 ? -1
                                       : static_cast<i32>((state >> 33) % std::uint64_t(bound));
  }
  return result;
}

// Values of which many are equal, with zeros of both signs, infinities and NaN.
std::vector<real> ties(index n) {
  constexpr real kInfinity = std::numeric_limits<real>::infinity();
  const real few[] = {
      0,         real(-0.0), 1, -1, kInfinity, -kInfinity, std::numeric_limits<real>::quiet_NaN(),
      real(0.5), real(-1.5), 2};
  std::vector<real> result;
  for (const i32 i : numbers(n, 10, false)) result.push_back(few[i]);
  return result;
}

TEST_CASE("cuda: sums", "[cuda]") {
  Backend* cuda = card("sums");
  if (!cuda) return;
  for (const auto& [rows, cols] : kRowSizes)
    for (const bool acc : {false, true})
      agree(*cuda, allowed(), [&, rows = rows, cols = cols](Lab& lab) {
        Backend& b = lab.backend();
        const index n = rows * cols;
        const real *x = lab.in(3 * n), *u = lab.in(n);
        b.sum_rows(x, lab.out(3 * cols), acc, 3, rows, cols);
        b.sum_cols(x, lab.out(rows), acc, rows, cols);
        b.dot_cols(x, u, lab.out(rows), acc, rows, cols);
        b.sum_all(x, lab.out(1), acc, n);
        lab.report(b.squared_norm(x, n));
        lab.report(b.all_finite(x, n));
      });
  agree(*cuda, allowed(), [](Lab& lab) {  // more than two pieces
    const index n = 20011;
    const real* x = lab.in(n);
    lab.backend().sum_all(x, lab.out(1), true, n);
    lab.report(lab.backend().squared_norm(x, n));
    std::vector<real> bad(static_cast<std::size_t>(n), 1);
    for (const real wrong :
         {std::numeric_limits<real>::infinity(), std::numeric_limits<real>::quiet_NaN()}) {
      bad.back() = wrong;
      lab.report(lab.backend().all_finite(lab.in(bad), n));
    }
  });
}

TEST_CASE("cuda: softmax and unit norm along an axis", "[cuda]") {
  Backend* cuda = card("softmax and unit norm along an axis");
  if (!cuda) return;
  for (const Along a : {Along{0, 3, 1}, Along{1, 1, 1}, Along{5, 33, 1}, Along{67, 8, 1},
                        Along{3, 300, 1}, Along{1, 17, 5}, Along{3, 70, 67}})
    for (const bool acc : {false, true})
      agree(*cuda, allowed(a.n), [&](Lab& lab) {
        Backend& b = lab.backend();
        const index n = a.outer * a.n * a.inner;
        const real *x = lab.in(n, -5, 5), *dy = lab.in(n);
        real *y = lab.out(n), *unit = lab.out(n), *inverse = lab.out(a.outer * a.inner);
        b.softmax(a, real(1.3), x, y);
        b.softmax_backward(a, real(1.3), y, dy, lab.out(n), acc);
        b.unit_norm(a, real(1e-6), x, unit, inverse);
        b.unit_norm_backward(a, unit, inverse, dy, lab.out(n), acc);
        if (a.inner == 1) b.log_sum_exp(x, lab.out(a.outer), a.outer, a.n);
      });
}

TEST_CASE("cuda: norms", "[cuda]") {
  Backend* cuda = card("norms");
  if (!cuda) return;
  for (const auto& [rows, cols] : kRowSizes)
    for (const NormKind kind : {NormKind::layer, NormKind::rms})
      for (const bool affine : {false, true})
        agree(*cuda, allowed(rows + cols), [&, rows = rows, cols = cols](Lab& lab) {
          Backend& b = lab.backend();
          const index n = rows * cols;
          const real *x = lab.in(n), *dy = lab.in(n);
          const real* gamma = affine ? lab.in(cols) : nullptr;
          const real* beta = affine && kind == NormKind::layer ? lab.in(cols) : nullptr;
          real *y = lab.out(n), *mean = lab.out(rows), *inverse = lab.out(rows);
          b.norm(kind, real(1e-3), x, gamma, beta, y, mean, inverse, rows, cols);
          for (const bool acc : {false, true}) {
            real *dx = lab.out(n), *dgamma = affine ? lab.out(cols) : nullptr,
                 *dbeta = beta ? lab.out(cols) : nullptr;
            b.norm_backward(kind, x, gamma, mean, inverse, dy, dx, acc, dgamma, !acc, dbeta, acc,
                            rows, cols);
            b.norm_backward(kind, x, gamma, mean, inverse, dy, nullptr, acc, dgamma, acc, nullptr,
                            acc, rows, cols);
          }
        });
}

TEST_CASE("cuda: cross-entropy", "[cuda]") {
  Backend* cuda = card("cross-entropy");
  if (!cuda) return;
  for (const auto& [rows, cols] : kRowSizes)
    agree(*cuda, allowed(cols), [&, rows = rows, cols = cols](Lab& lab) {
      Backend& b = lab.backend();
      const index n = rows * cols;
      const real *x = lab.in(n, -3, 3), *rough = lab.in(n),
                 *half = lab.in(std::vector<real>{real(0.5)});
      const i32* target = lab.ints(numbers(rows, cols));
      real *loss = lab.out(rows), *lse = lab.out(rows), *into = lab.out(n);
      b.cross_entropy(x, target, loss, lse, rows, cols);
      b.cross_entropy_backward(x, target, lse, real(0.3), nullptr, into, true, rows, cols);
      b.copy(into, x, static_cast<std::size_t>(n) * sizeof(real));
      b.cross_entropy_backward(into, target, lse, real(0.6), half, into, false, rows, cols);
      lab.report(static_cast<double>(b.count_correct(rough, target, rows, cols)));
      real* level = lab.out(n);  // of equals the first counts
      b.fill(level, n, 1);
      lab.report(static_cast<double>(b.count_correct(level, target, rows, cols)));
    });
}

TEST_CASE("cuda: moving rows", "[cuda]") {
  Backend* cuda = card("moving rows");
  if (!cuda) return;
  for (const auto& [rows, cols] : kRowSizes)
    for (const bool acc : {false, true})
      agree(*cuda, allowed(cols), [&, rows = rows, cols = cols](Lab& lab) {
        Backend& b = lab.backend();
        const index n = 2 * rows, tokens = rows;  // each token has about two rows
        const real *x = lab.in(tokens * cols), *u = lab.in(n * cols), *gate = lab.in(n);
        const i32* token = lab.ints(numbers(n, std::max<index>(1, tokens)));
        b.gather(x, token, lab.out(n * cols), n, cols);
        i32 *offset = lab.ints_out(tokens + 1), *order = lab.ints_out(n);
        b.sort_by_key(token, n, tokens, offset, order);
        b.combine(u, gate, offset, order, lab.out(tokens * cols), acc, tokens, cols);
        b.combine(u, nullptr, offset, order, lab.out(tokens * cols), acc, tokens, cols);
        real *du = lab.out(n * cols), *dgate = lab.out(n);
        b.combine_backward(x, token, u, gate, du, acc, dgate, !acc, n, cols);
        b.combine_backward(x, token, u, nullptr, du, !acc, nullptr, acc, n, cols);
        b.combine_backward(x, token, u, gate, nullptr, acc, dgate, acc, n, cols);
        b.swap_blocks(u, lab.out(n * cols), acc, 2, rows, cols);
        b.swap_blocks(u, lab.out(n * cols), acc, rows, 2, cols);
        b.pick(x, token, lab.out(n), n);
        b.unpick(gate, token, lab.out(tokens), n);
      });
}

TEST_CASE("cuda: more rows than blocks", "[cuda]") {
  Backend* cuda = card("more rows than blocks");
  if (!cuda) return;
  const index rows = 65600, cols = 129;  // a block for each, of 65536
  std::vector<i32> row(static_cast<std::size_t>(rows));
  for (std::size_t i = 0; i < row.size(); ++i) row[i] = static_cast<i32>(i * i % 7) - 1;
  agree(*cuda, 0, [&](Lab& lab) {
    real* y = lab.out(rows * cols);
    lab.backend().gather(lab.in(6 * cols), lab.ints(row), y, rows, cols);
  });
}

TEST_CASE("cuda: sorting and counting", "[cuda]") {
  Backend* cuda = card("sorting and counting");
  if (!cuda) return;
  for (const index n : {0, 1, 255, 257, 1511})
    for (const index buckets : {1, 8, 255, 256, 70000})
      agree(*cuda, 0, [&](Lab& lab) {
        const i32* key = lab.ints(numbers(n, buckets));
        lab.backend().sort_by_key(key, n, buckets, lab.ints_out(buckets + 1), lab.ints_out(n));
        lab.backend().histogram(key, n, buckets, lab.ints_out(buckets));
      });
}

TEST_CASE("cuda: integers made of integers", "[cuda]") {
  Backend* cuda = card("integers made of integers");
  if (!cuda) return;
  for (const auto& [rows, cols] : kRowSizes)
    agree(*cuda, allowed(), [&, rows = rows, cols = cols](Lab& lab) {
      Backend& b = lab.backend();
      const index n = rows * cols;
      const i32 *x = lab.ints(numbers(n, 1000)), *other = lab.ints(numbers(n, 50)),
                *table = lab.ints(numbers(1000, 7));
      b.map_indices({.shape = {cols, 1, rows},
                     .from = {1, 0, cols},
                     .add = {-3, 1, 1000},
                     .scale = 7,
                     .divide = 3,
                     .base = 11},
                    x, lab.ints_out(n));
      b.map_indices({.shape = {rows, cols, 1}, .add = {2, 5, 0}, .base = -4}, nullptr,
                    lab.ints_out(n));
      b.look_up(table, x, lab.ints_out(n), n);
      const std::vector<real> values = ties(n);
      const real *u = lab.in(values),
                 *v = lab.in(std::vector<real>(values.rbegin(), values.rend()));
      b.where_less(u, v, x, other, lab.ints_out(n), n);
      b.where_less(u, v, nullptr, other, lab.ints_out(n), n);
      b.where_less(u, v, x, nullptr, lab.ints_out(n), n);
      b.to_real(x, 0.37, lab.out(n), n);
    });
}

// What a tally gives, as reports: sums in double of `n` entries.
void tally(Lab& lab, index n, const std::function<void(double*)>& run) {
  Backend& b = lab.backend();
  const Storage to = b.allocate(static_cast<std::size_t>(n) * sizeof(double));
  run(static_cast<double*>(to.data()));
  std::vector<double> y(static_cast<std::size_t>(n));
  b.copy_to_host(y.data(), to.data(), y.size() * sizeof(double));
  for (const double v : y) lab.report(v);
}

TEST_CASE("cuda: tallies", "[cuda]") {
  Backend* cuda = card("tallies");
  if (!cuda) return;
  for (const index n : {1, 7, 300, 1511})  // more than one piece
    for (const index inner : {1, 3})
      for (const bool full : {false, true}) {
        constexpr index kKeys = 5, kCols = 4, kTokens = 40;
        // In double whatever `real`: the sums agree to more than a float holds.
        agree(*cuda, 1e-12, [&](Lab& lab) {
          Backend& b = lab.backend();
          const real* x = lab.in(n * kCols * inner, 0.1, 2);
          const i32 *key = lab.ints(numbers(n, kKeys)), *row = lab.ints(numbers(n, n, false));
          tally(lab, kKeys * kCols, [&](double* y) {
            b.sum_by_key(full ? x : nullptr, full ? row : nullptr, key, y, n, kKeys, kCols, inner);
          });
          tally(lab, kCols, [&](double* y) {
            b.sum_by_key(x, full ? row : nullptr, nullptr, y, n, 1, kCols, inner);
          });
          tally(lab, 1, [&](double* y) { b.sum_entropy(x, y, n, kCols * inner); });
          // Segments of which some are empty.
          const auto part = static_cast<i32>(n / 3);
          const i32* offset = lab.ints({0, 0, part, part, static_cast<i32>(n - part),
                                        static_cast<i32>(n), static_cast<i32>(n)});
          const i32 *token = lab.ints(numbers(n, kTokens)),
                    *domain = lab.ints(numbers(kTokens, 3, false));
          b.label_rows(offset, 6, full ? token : nullptr, nullptr, lab.ints_out(n), n);
          b.label_rows(offset, 6, token, domain, lab.ints_out(n), n);
          b.label_rows(nullptr, 1, full ? token : nullptr, nullptr, lab.ints_out(n), n);
        });
      }
  agree(*cuda, 0, [](Lab& lab) {  // of nothing
    Backend& b = lab.backend();
    tally(lab, 6, [&](double* y) { b.sum_by_key(nullptr, nullptr, nullptr, y, 0, 2, 3, 1); });
    tally(lab, 1, [&](double* y) { b.sum_entropy(nullptr, y, 0, 3); });
  });
}

TEST_CASE("cuda: the largest, ties to the lower index", "[cuda]") {
  Backend* cuda = card("the largest, ties to the lower index");
  if (!cuda) return;
  for (const auto& [rows, cols] : kRowSizes)
    for (const index k : {index(1), index(2), index(7), cols})
      for (const bool rough : {false, true}) {
        if (k > cols || (k == cols && rows > 100)) continue;
        agree(*cuda, 0, [&, rows = rows, cols = cols](Lab& lab) {
          const real* x = rough ? lab.in(ties(rows * cols)) : lab.in(rows * cols);
          lab.backend().top_k(x, lab.ints_out(rows * k), rows, cols, k);
        });
      }
  for (const auto& [groups, rows, cols] :
       {std::array<index, 3>{0, 4, 4}, {1, 1, 1}, {3, 40, 7}, {2, 301, 3}})
    for (const index k : {index(1), rows / 2, rows})
      for (const bool rough : {false, true})
        agree(*cuda, 0, [&, groups = groups, rows = rows, cols = cols](Lab& lab) {
          const real* x = rough ? lab.in(ties(groups * rows * cols)) : lab.in(groups * rows * cols);
          lab.backend().top_k_rows(x, lab.ints_out(groups * cols * k), groups, rows, cols, k);
        });
}

TEST_CASE("cuda: places at experts", "[cuda]") {
  Backend* cuda = card("places at experts");
  if (!cuda) return;
  for (const auto& [groups, group] : {Size{0, 4}, Size{1, 1}, Size{3, 67}, Size{1, 520}})
    for (const index k : {1, 2, 3})
      for (const index capacity : {0, 1, 9})
        for (const Order order : {Order::choice, Order::token, Order::score})
          agree(*cuda, 0, [&, groups = groups, group = group](Lab& lab) {
            Fill f;
            f.tokens = groups * group, f.group = group, f.k = k, f.experts = 11;
            f.capacity = capacity, f.order = order;
            f.choice = lab.ints(numbers(f.tokens * k, f.experts));
            std::vector<real> priority;  // with ties
            for (const i32 v : numbers(f.tokens, 20)) priority.push_back(static_cast<real>(v) / 4);
            f.priority = lab.in(priority);
            lab.backend().fill_capacity(f, lab.ints_out(f.tokens * k));
          });
}

}  // namespace
}  // namespace moesim::testing
