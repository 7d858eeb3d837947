// Tests products over the rows of experts in every compute type, at the edges of tiles, against
// sums in double of factors rounded here.
#include "sim/core/tensor.hpp"
#include "tests/cuda/array.hpp"
#include "tests/cuda/support.hpp"

#include <fmt/format.h>

#include <cmath>
#include <numeric>

namespace moesim::testing {
namespace {

void check(const char* what, double allowed, const std::vector<real>& got,
           const std::vector<Sum>& want) {
  for (std::size_t i = 0; i < want.size(); ++i)
    if (!(std::abs(double(got[i]) - want[i].value) <= allowed * want[i].size))
      FAIL(fmt::format("{}, place {} of {}: {}, not {}", what, i, want.size(), got[i],
                       want[i].value));
}

struct RowsCase {
  Compute compute;
  std::vector<i32> rows;  // of the segments
  index in, out, shift;
  bool known;  // do the offsets stand on the host?
};

void check_rows(Backend& cuda, const RowsCase& c) {
  CAPTURE(static_cast<int>(c.compute), c.rows, c.in, c.out, c.shift, c.known);
  std::vector<i32> offset = {0};
  for (const i32 n : c.rows) offset.push_back(offset.back() + n);
  const auto at = [&](index s) { return offset[static_cast<std::size_t>(s)]; };
  std::vector<std::vector<real>> first;
  for (int repetition = 0; repetition < repetitions(); ++repetition) {
    arrange(repetition);
    Linear l;
    l.rows = offset.back(), l.in = c.in, l.out = c.out, l.compute = c.compute;
    l.segments = static_cast<index>(c.rows.size());
    const Array x(cuda, 1, l.rows * l.in, c.shift), w(cuda, 2, l.segments * l.in * l.out, c.shift);
    const Array dy(cuda, 3, l.rows * l.out, c.shift), y(cuda, 4, l.rows * l.out, c.shift);
    const Array dx(cuda, 5, l.rows * l.in, c.shift), dw(cuda, 6, l.segments * l.in * l.out, 0);
    const Indices offsets = Indices::of(offset, cuda);
    l.x = x.p(), l.w = w.p(), l.offset = offsets.data();
    l.host_offset = c.known ? offset.data() : nullptr;
    cuda.linear(l, nullptr, y.p());
    cuda.linear_backward(l, nullptr, dy.p(), {.x = {dx.p(), false}, .w = {dw.p(), true}});
    const std::vector<std::vector<real>> got = {y.now(), dx.now(), dw.now()};
    if (repetition > 0) {
      REQUIRE(got == first);  // to the bit
      continue;
    }
    first = got;
    const std::vector<double> fx = x.factor(c.compute), fw = w.factor(c.compute);
    const std::vector<double> fz = dy.factor(c.compute), before = dw.factor(Compute::float32);
    std::vector<Sum> sum_y(got[0].size()), sum_x(got[1].size()), sum_w(got[2].size());
    for (std::size_t i = 0; i < sum_w.size(); ++i) sum_w[i].add(before[i]);
    for (index s = 0; s < l.segments; ++s)
      for (index r = at(s); r < at(s + 1); ++r)
        for (index i = 0; i < l.in; ++i)
          for (index o = 0; o < l.out; ++o) {
            const auto place_x = static_cast<std::size_t>(r * l.in + i);
            const auto place_y = static_cast<std::size_t>(r * l.out + o);
            const auto place_w = static_cast<std::size_t>((s * l.in + i) * l.out + o);
            sum_y[place_y].add(fx[place_x] * fw[place_w]);
            sum_x[place_x].add(fz[place_y] * fw[place_w]);
            sum_w[place_w].add(fx[place_x] * fz[place_y]);
          }
    // How cuBLAS rounds to tf32 is its own affair.
    const double allowed = kDouble ? 1e-13 : c.known && c.compute == Compute::tf32 ? 1e-3 : 1e-5;
    check("y", allowed, got[0], sum_y);
    check("dx", allowed, got[1], sum_x);
    check("dw", allowed, got[2], sum_w);
  }
}

TEST_CASE("cuda: products over rows of experts at the edges of tiles", "[cuda]") {
  Backend* cuda = card("products over rows of experts at the edges of tiles");
  if (!cuda) return;
  const std::vector<i32> few = {0, 1, 15, 16, 17}, many = {0, 1, 15, 16, 17, 127, 0, 128, 129};
  for (const Compute compute : {Compute::float32, Compute::bfloat16, Compute::tf32}) {
    if (compute == Compute::tf32 && !cuda->has_tf32()) continue;
    for (const index shift : {0, 1}) {
      check_rows(*cuda, {compute, few, 33, 70, shift, false});
      check_rows(*cuda, {compute, few, 64, 16, shift, false});
    }
    check_rows(*cuda, {compute, many, 36, 132, 0, false});
    check_rows(*cuda, {compute, many, 131, 33, 1, false});
    check_rows(*cuda, {compute, {128, 128}, 128, emulated() ? 128 : 512, 0, false});
    check_rows(*cuda, {compute, {390, 0, 200}, 140, 257, 0, true});  // segments for cuBLAS
    check_rows(*cuda, {compute, {39, 0, 20}, 19, 33, 0, true});
    if (emulated()) continue;
    // What fills a card of 132 multiprocessors with the largest tiles: rows by columns of y, of dx,
    // and the columns of both for every segment of dw.
    check_rows(*cuda, {compute, {700, 0, 901}, 40, 1500, 0, false});
    check_rows(*cuda, {compute, {700, 0, 901}, 1500, 40, 0, false});
    check_rows(*cuda, {compute, {30, 41, 17, 9, 5}, 700, 700, 0, false});
  }
}

}  // namespace
}  // namespace moesim::testing
