// Tests the order of sums of micro-batch gradients: a binary tree over their numbers.
#include "sim/train/gradient_tree.hpp"

#include "sim/core/random.hpp"
#include "sim/core/tape.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/device.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>
#include <vector>

namespace moesim::testing {
namespace {

using Row = std::vector<real>;

// The gradients of `parts` micro-batches, whose sizes lie so far apart that every order of adding
// them rounds otherwise.
std::vector<Row> leaves_of(std::size_t parts, std::size_t size) {
  std::vector<Row> leaves;
  for (std::size_t part = 0; part < parts; ++part) {
    const Stream stream{11, Purpose::sampling, static_cast<std::uint32_t>(part), 0};
    Row& leaf = leaves.emplace_back();
    for (std::size_t i = 0; i < size; ++i)
      leaf.push_back(static_cast<real>(random_normal(stream, 2 * i) *
                                       std::exp(2 * random_normal(stream, 2 * i + 1))));
  }
  return leaves;
}

Row plus(const Row& a, const Row& b) {
  Row sum(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) sum[i] = a[i] + b[i];
  return sum;
}

// The definition: neighbours are added, what has no partner moves up, and so on until one is left.
Row by_levels(std::vector<Row> level) {
  while (level.size() > 1) {
    std::vector<Row> above;
    for (std::size_t i = 0; i + 1 < level.size(); i += 2)
      above.push_back(plus(level[i], level[i + 1]));
    if (level.size() % 2 == 1) above.push_back(level.back());
    level = above;
  }
  return level[0];
}

// The same from above: the first half is the largest power of two below their number.
Row by_halves(const std::vector<Row>& leaves, std::size_t first, std::size_t count) {
  if (count == 1) return leaves[first];
  std::size_t half = 1;
  while (2 * half < count) half *= 2;
  return plus(by_halves(leaves, first, half), by_halves(leaves, first + half, count - half));
}

Row by_tree(const std::vector<Row>& leaves, Backend& backend) {
  GradientTree tree;
  for (const Row& leaf : leaves)
    tree.add({Tensor::of({static_cast<index>(leaf.size())}, leaf, backend)});
  const std::vector<Tensor> sums = tree.take();
  REQUIRE(sums.size() == 1);
  CHECK(tree.take().empty());
  return sums[0].to_host();
}

// Every sum that there is, whatever is added to what: of these rows, two at a time.
void all_orders(const std::vector<Row>& rows, std::set<std::vector<Row>>& seen,
                std::set<Row>& sums) {
  if (rows.size() == 1) {
    sums.insert(rows[0]);
    return;
  }
  std::vector<Row> sorted = rows;
  std::sort(sorted.begin(), sorted.end());
  if (!seen.insert(sorted).second) return;
  for (std::size_t a = 0; a < rows.size(); ++a)
    for (std::size_t b = a + 1; b < rows.size(); ++b) {
      std::vector<Row> rest;
      for (std::size_t i = 0; i < rows.size(); ++i)
        if (i != a && i != b) rest.push_back(rows[i]);
      rest.push_back(plus(rows[a], rows[b]));
      all_orders(rest, seen, sums);
    }
}

TEST_CASE("gradient tree: the definition, for up to 64 micro-batches",
          "[train][accumulate][tree]") {
  const auto backend = make_test_backend(1);
  for (std::size_t parts = 1; parts <= 64; ++parts) {
    CAPTURE(parts);
    const std::vector<Row> leaves = leaves_of(parts, 200);
    const Row want = by_levels(leaves);
    REQUIRE(by_halves(leaves, 0, parts) == want);
    CHECK(by_tree(leaves, *backend) == want);
    if (parts < 4) continue;  // of three the first two come first in both
    CHECK(std::accumulate(leaves.begin() + 1, leaves.end(), leaves[0], plus) != want);
    const std::vector<Row> reversed(leaves.rbegin(), leaves.rend());
    CHECK(std::accumulate(reversed.begin() + 1, reversed.end(), reversed[0], plus) != want);
    if ((parts & (parts - 1)) != 0) CHECK(by_levels(reversed) != want);
  }
}

TEST_CASE("gradient tree: every other order has other bits", "[train][accumulate][tree]") {
  const auto backend = make_test_backend(1);
  std::size_t orders = 1;  // 1 · 3 · 5 · ... · (2 M - 3)
  for (std::size_t parts = 2; parts <= 6; ++parts) {
    CAPTURE(parts);
    orders *= 2 * parts - 3;
    const std::vector<Row> leaves = leaves_of(parts, 200);
    std::set<std::vector<Row>> seen;
    std::set<Row> sums;
    all_orders(leaves, seen, sums);
    REQUIRE(sums.size() == orders);  // so the equality above tells them all apart
    CHECK(sums.count(by_tree(leaves, *backend)) == 1);
  }
}

TEST_CASE("gradient tree: a missing gradient counts as zero", "[train][accumulate][tree]") {
  const auto backend = make_test_backend(1);
  const std::vector<Row> leaves = leaves_of(7, 50);
  for (unsigned present = 0; present < 128; ++present) {
    CAPTURE(present);
    GradientTree tree;
    std::vector<Row> zeros;
    for (std::size_t part = 0; part < 7; ++part) {
      const bool is_there = (present >> part & 1) != 0;
      zeros.push_back(is_there ? leaves[part] : Row(50, 0));
      tree.add({is_there ? Tensor::of({50}, leaves[part], *backend) : Tensor()});
    }
    const Tensor sum = tree.take().at(0);
    REQUIRE(static_cast<bool>(sum) == (present != 0));
    if (sum) CHECK(sum.to_host() == by_levels(zeros));
  }
}

// What passes leave: gradient k of part i, each filled with the value of leaves[i].
struct Model {
  std::vector<Parameter> parameters;
  Model(int count, Backend& backend, index size) {
    for (int i = 0; i < count; ++i) {
      parameters.push_back({"p", Tensor::deferred({size}), Init::constant(0)});
      parameters.back().value.allocate(backend);
    }
  }
};

TEST_CASE("gradient tree: equal gradients that share memory are summed one by one",
          "[train][accumulate][tree]") {
  const auto backend = make_test_backend(1);
  const std::vector<Row> leaves = leaves_of(5, 40);
  const Model model(3, *backend, 40);
  sum_gradients(model.parameters, 5, [&](index part) {
    // As a pull-back of a + b does: both have the gradient of the sum. The third has its own.
    const Tensor dy = Tensor::of({40}, leaves[static_cast<std::size_t>(part)], *backend);
    for (int i = 0; i < 2; ++i)
      pass_gradient(model.parameters[static_cast<std::size_t>(i)].value, dy);
    const GradientSlot own = gradient_slot(model.parameters[2].value);
    CHECK_FALSE(own.accumulate);
    backend->copy(own.p, dy.data(), 40 * sizeof(real));
  });
  for (const Parameter& p : model.parameters)
    CHECK(p.value.gradient().to_host() == by_levels(leaves));
}

TEST_CASE("gradient tree: as many buffers as were announced, and none for one part",
          "[train][accumulate][tree]") {
  constexpr index kSize = 1 << 16;
  const std::map<index, index> announced = {{1, 1}, {2, 2}, {3, 2},  {4, 3},  {5, 3},
                                            {7, 3}, {8, 4}, {15, 4}, {16, 5}, {64, 7}};
  for (const auto& entry : announced) {
    const auto parts = entry.first, buffers = entry.second;  // clang up to 18 captures no bindings
    CAPTURE(parts);
    CHECK(gradient_buffers(parts) == buffers);
    const auto backend = make_test_backend(1);
    const std::size_t before = backend->allocations();
    const Model model(1, *backend, kSize);
    const Tensor& value = model.parameters[0].value;
    const auto step = [&] {
      real* first = nullptr;
      sum_gradients(model.parameters, parts, [&](index part) {
        const GradientSlot slot = gradient_slot(value);
        CHECK_FALSE(slot.accumulate);
        if (part == 0) first = slot.p;
        backend->fill(slot.p, kSize, static_cast<real>(part + 1));
      });
      CHECK(value.gradient().data() == first);  // where the next step finds it
      CHECK(value.gradient().to_host()[7] == static_cast<real>(parts * (parts + 1) / 2));
      return first;
    };
    const real* const where = step();
    // Blocks of one size: the parameter's own, and gradients.
    CHECK(backend->allocations() - before == static_cast<std::size_t>(1 + buffers));
    for (int again = 0; again < 3; ++again) CHECK(step() == where);
    CHECK(backend->allocations() - before == static_cast<std::size_t>(1 + buffers));
  }
}

}  // namespace
}  // namespace moesim::testing
