// Tests products of small matrices against naive_product sums.
#include "sim/backend/cpu/small_product.hpp"

#include "tests/support/kernel_test.hpp"

namespace moesim::testing {
namespace {

// c [m, n] with the sums of term(a, b) added, or in its place.
template <class T, class Term>
Doubles naive_product(bool ta, bool tb, index m, index n, index k, const std::vector<T>& a,
                      index lda, const std::vector<T>& b, index ldb, const Reals& c, index ldc,
                      bool acc, Term term) {
  Doubles want = to_double(c);
  for (index i = 0; i < m; ++i)
    for (index j = 0; j < n; ++j) {
      double& sum = want[static_cast<std::size_t>(i * ldc + j)];
      if (!acc) sum = 0;
      for (index l = 0; l < k; ++l)
        sum += term(a[static_cast<std::size_t>(ta ? l * lda + i : i * lda + l)],
                    b[static_cast<std::size_t>(tb ? j * ldb + l : l * ldb + j)]);
    }
  return want;
}

double multiply(real x, real y) { return double(x) * double(y); }

}  // namespace

// Sizes around the registers' tiles: whole panels, remainders of rows and of columns, nothing.
TEST_CASE("small_product: against naive sums, any size and stride", "[backend][small]") {
  for (const index m : {0, 1, 7, 8, 9, 17})
    for (const index n : {0, 1, 5, 16, 33, 48, 64, 71})
      for (const index k : {0, 1, 6, 32})
        for (const bool ta : {false, true})
          for (const bool acc : {false, true}) {
            const index lda = (ta ? m : k) + 3, ldb = n + 2, ldc = n + 1;
            const Reals a = random_reals(1, (ta ? k : m) * lda + 1),
                        b = random_reals(2, k * ldb + 1), c = random_reals(3, m * ldc + 1);
            const Doubles want =
                naive_product(ta, false, m, n, k, a, lda, b, ldb, c, ldc, acc, multiply);
            Reals got = c;
            cpu::small_product(ta, m, n, k, a.data(), lda, b.data(), ldb, got.data(), ldc, acc);
            require_close(got, want, tolerance(k));
          }
}

// The same of pairs, where k counts pairs: every term is exact in `real`, or nearly.
TEST_CASE("small_product: pairs of bfloat16", "[backend][small][bfloat16]") {
  for (const index m : {0, 1, 7, 8, 17, 40})
    for (const index n : {1, 5, 16, 33, 48, 64})
      for (const index k : {0, 1, 6, 70})
        for (const bool ta : {false, true})
          for (const bool acc : {false, true}) {
            const index lda = (ta ? m : k) + 3, ldb = n + 2, ldc = n + 1;
            const auto pairs = [](std::uint64_t key, index count) {
              std::vector<cpu::Bf16Pair> all;
              const Reals values = random_reals(key, 2 * count);
              for (std::size_t i = 0; i < values.size(); i += 2)
                all.push_back(cpu::to_bf16(values[i]) |
                              static_cast<cpu::Bf16Pair>(cpu::to_bf16(values[i + 1])) << 16);
              return all;
            };
            const auto dot = [](cpu::Bf16Pair x, cpu::Bf16Pair y) {
              const auto at = [](cpu::Bf16Pair pair, int half) {
                return double(cpu::from_bf16(static_cast<cpu::bf16>(pair >> (16 * half))));
              };
              return at(x, 0) * at(y, 0) + at(x, 1) * at(y, 1);
            };
            const auto a = pairs(1, (ta ? k : m) * lda + 1), b = pairs(2, k * ldb + 1);
            const Reals c = random_reals(3, m * ldc + 1);
            const Doubles want =
                naive_product(ta, false, m, n, k, a, lda, b, ldb, c, ldc, acc, dot);
            Reals got = c;
            cpu::small_product(ta, m, n, k, a.data(), lda, b.data(), ldb, got.data(), ldc, acc);
            require_close(got, want, tolerance(2 * k));
          }
}

TEST_CASE("small_product: a row does not depend on its neighbours", "[backend][small]") {
  const index m = 23, n = 48, k = 19;
  const Reals a = random_reals(1, m * k), b = random_reals(2, k * n);
  Reals all(static_cast<std::size_t>(m * n)), one(static_cast<std::size_t>(n));
  cpu::small_product(false, m, n, k, a.data(), k, b.data(), n, all.data(), n, false);
  for (index i = 0; i < m; ++i) {
    cpu::small_product(false, 1, n, k, a.data() + i * k, k, b.data(), n, one.data(), n, false);
    REQUIRE(std::equal(one.begin(), one.end(), all.begin() + i * n));
  }
}

TEST_CASE("small_product_transposed: against naive sums", "[backend][small]") {
  for (const index m : {0, 1, 4, 6})
    for (const index n : {0, 1, 4, 7})
      for (const index k : {0, 1, 15, 16, 37, 128})
        for (const bool acc : {false, true}) {
          const index lda = k + 3, ldb = k + 1, ldc = n + 2;
          const Reals a = random_reals(1, m * lda + 1), b = random_reals(2, n * ldb + 1),
                      c = random_reals(3, m * ldc + 1);
          const Doubles want =
              naive_product(false, true, m, n, k, a, lda, b, ldb, c, ldc, acc, multiply);
          Reals got = c;
          cpu::small_product_transposed(m, n, k, a.data(), lda, b.data(), ldb, got.data(), ldc,
                                        acc);
          require_close(got, want, tolerance(k));
        }
}

}  // namespace moesim::testing
