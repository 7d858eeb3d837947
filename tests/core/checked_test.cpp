// Tests 64-bit size arithmetic with overflow checks.
#include "sim/core/checked.hpp"

#include "sim/core/tensor.hpp"
#include "sim/nn/module.hpp"
#include "tests/support/catch.hpp"

#include <functional>

namespace moesim {
namespace {

std::string said(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return (error.code() == Exit::usage ? "usage: " : "other: ") + std::string(error.what());
  }
  return "nothing";
}

constexpr index kLarge = index{1} << 31;

}  // namespace

TEST_CASE("checked: products and sums are of 64 bits, or refused", "[core]") {
  CHECK(checked_product({3, 4, 5}, "x") == 60);
  CHECK(checked_product({}, "x") == 1);
  CHECK(checked_product({kMostValues, 1}, "x") == kMostValues);
  CHECK(checked_product({kLarge, kLarge, kLarge, 0}, "x") == 0);
  CHECK(said([] {
          checked_product({kMostValues, 2}, "x");
        }) == "usage: x: 576460752303423488 x 2 is more than a machine can count; make it smaller");
  // 2^62 · 4 is 0 in 64 bits, and 2^31 · 2^32 is negative.
  CHECK(said([] { checked_product({index{1} << 62, 4}, "x"); }) != "nothing");
  CHECK(said([] { checked_product({kLarge, 2 * kLarge}, "x"); }) != "nothing");
  CHECK(checked_sum(1, 2, "x") == 3);
  CHECK(said([] { checked_sum(kMostValues, 1, "x"); }) != "nothing");
}

TEST_CASE("checked: no shape and no model has more values than can be counted", "[core]") {
  CHECK(said([] {
          Shape{kLarge, kLarge, 4};
        }) ==
        "usage: a tensor: 2147483648 x 2147483648 x 4 is more than a machine can count; make it "
        "smaller");
  struct Large : Module {
    Large() {
      for (int i = 0; i < 3; ++i)
        parameter("w" + std::to_string(i), {kLarge, kLarge / 16}, Init::constant(0));
    }
  };
  const Large model;
  CHECK(said([&] { count(model.parameters()); }) ==
        "usage: the parameters: 576460752303423488 + 288230376151711744 is more than a machine can "
        "count; make it smaller");
}

}  // namespace moesim
