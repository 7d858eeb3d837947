// Tests that captured and replayed work gives the results of eager execution.
#include "tests/cuda/support.hpp"

#include <cmath>
#include <stdexcept>

namespace moesim::testing {
namespace {

constexpr index kSize = 1000;
constexpr int kRounds = 6, kCalled = 3;  // the third is captured

// Values on the device that rounds work on.
class Bench {
 public:
  explicit Bench(Backend& backend) : backend_(backend), replay_(backend.replay()) {}

  Storage array(real value) {
    Storage block = backend_.allocate(kSize * sizeof(real));
    fill(block, value);
    return block;
  }
  void fill(const Storage& block, real value) { backend_.fill(at(block), kSize, value); }
  static real* at(const Storage& block) { return static_cast<real*>(block.data()); }
  real first(const Storage& block) {
    std::vector<real> values(kSize);
    backend_.copy_to_host(values.data(), block.data(), kSize * sizeof(real));
    for (const real value : values) REQUIRE(value == values[0]);
    return values[0];
  }
  Replay& replay() { return *replay_; }

 private:
  Backend& backend_;
  std::unique_ptr<Replay> replay_;
};

TEST_CASE("cuda: rounds are replayed on new values", "[cuda][replay]") {
  Backend* cuda = card_that_replays("rounds are replayed on new values");
  if (!cuda) return;
  for (int i = 0; i < repetitions(); ++i) {
    arrange(i);
    Bench bench(*cuda);
    const Storage x = bench.array(0), y = bench.array(0);
    int called = 0;
    std::vector<Storage> others;
    for (int round = 0; round < kRounds; ++round) {
      bench.fill(x, static_cast<real>(round));
      const bool replayed = bench.replay().run([&] {
        ++called;
        const Storage scratch = cuda->allocate(kSize * sizeof(real));
        const std::vector<real> table(kSize, 3);  // gone when a replay reads it
        const Storage threes = cuda->allocate(kSize * sizeof(real));
        cuda->copy_from_host(threes.data(), table.data(), kSize * sizeof(real));
        cuda->multiply(Bench::at(x), Bench::at(x), Bench::at(scratch), false, kSize);
        cuda->multiply(Bench::at(scratch), Bench::at(threes), Bench::at(y), false, kSize);
      });
      CHECK(replayed == (round >= kCalled));
      CHECK(bench.first(y) == static_cast<real>(3 * round * round));
      // Who takes memory now must not get that of the rounds.
      others.push_back(bench.array(static_cast<real>(100 + round)));
      for (int other = 0; other <= round; ++other)
        CHECK(bench.first(others[static_cast<std::size_t>(other)]) ==
              static_cast<real>(100 + other));
    }
    CHECK(called == kCalled);
    CHECK(bench.replay().refusal().empty());
  }
}

// Runs rounds of `work`, which writes f(round) to y; none may be replayed.
void refuse(Backend& cuda, const std::string& why,
            const std::function<void(int round, const Storage& y)>& work,
            const std::function<real(int round)>& f) {
  arrange(0);
  CAPTURE(why);
  Bench bench(cuda);
  const Storage y = bench.array(0);
  for (int round = 0; round < kRounds; ++round) {
    CHECK_FALSE(bench.replay().run([&] { work(round, y); }));
    CHECK(bench.first(y) == f(round));
  }
  CHECK(bench.replay().refusal() == why);
}

TEST_CASE("cuda: what changes from round to round is not replayed", "[cuda][replay]") {
  Backend* cuda = card_that_replays("what changes from round to round is not replayed");
  if (!cuda) return;
  const std::string changes = "kernel launches differ between steps";
  const auto number = [](int round) { return static_cast<real>(round); };
  refuse(
      *cuda, changes,
      [&](int round, const Storage& y) { cuda->fill(Bench::at(y), kSize, number(round)); }, number);
  const auto upload = [&](int round, const Storage& y) {
    const std::vector<real> table(kSize, number(round));
    cuda->copy_from_host(y.data(), table.data(), kSize * sizeof(real));
  };
  refuse(*cuda, changes, upload, number);
  refuse(
      *cuda, changes,  // of a product
      [&](int round, const Storage& y) {
        const Storage x = cuda->allocate(kSize * sizeof(real));
        cuda->fill(Bench::at(x), kSize, 1);
        cuda->product({.m = kSize,
                       .n = 1,
                       .k = 1,
                       .alpha = number(round),
                       .a = Bench::at(x),
                       .lda = 1,
                       .b = Bench::at(x),
                       .ldb = 1,
                       .c = Bench::at(y),
                       .ldc = 1});
      },
      number);
  refuse(
      *cuda, changes,
      [&](int round, const Storage& y) {
        const Storage x = cuda->allocate(static_cast<std::size_t>(4096 << round));
        cuda->fill(Bench::at(y), kSize, 7);
      },
      [](int) { return real(7); });
  refuse(
      *cuda, changes,  // where the work gets over it
      [&](int round, const Storage& y) {
        cuda->fill(Bench::at(y), kSize, 7);
        try {
          if (round == 2) cuda->fill(Bench::at(cuda->allocate(kSize * sizeof(real))), kSize, 1);
        } catch (const std::exception&) {
        }
      },
      [](int) { return real(7); });
}

TEST_CASE("cuda: rounds that look at values or draw are not replayed", "[cuda][replay]") {
  Backend* cuda = card_that_replays("rounds that look at values or draw are not replayed");
  if (!cuda) return;
  const auto seven = [](int) { return real(7); };
  // At once, or not before it is captured.
  for (const int from : {0, 2}) {
    for (const bool caught : {false, true})
      refuse(
          *cuda, "a call reads values on the host",
          [&](int round, const Storage& y) {
            cuda->fill(Bench::at(y), kSize, 7);
            if (round < from) return;
            try {
              real value = 0;
              cuda->copy_to_host(&value, y.data(), sizeof value);
              CHECK(value == 7);
            } catch (...) {
              if (!caught) throw;
            }
          },
          seven);
    refuse(
        *cuda, "a call synchronises with the device",
        [&](int round, const Storage& y) {
          cuda->fill(Bench::at(y), kSize, 7);
          if (round >= from) cuda->wait();
        },
        seven);
  }
  const Stream stream{1, Purpose::dropout, 0, 0};
  const auto drawing = [&](const std::function<void(real*)>& draw) {
    refuse(
        *cuda, "random numbers are drawn for a fixed step",
        [&](int, const Storage& y) {
          const Storage x = cuda->allocate(kSize * sizeof(real));
          draw(Bench::at(x));
          cuda->fill(Bench::at(y), kSize, 7);
        },
        seven);
  };
  drawing([&](real* x) { cuda->uniform(stream, 0, 1, x, kSize); });
  drawing([&](real* x) { cuda->normal(stream, x, kSize); });
  drawing([&](real* x) { cuda->dropout(stream, real(0.5), x, x, false, kSize); });
}

TEST_CASE("cuda: what is drawn in a replay is of the step that stands in memory",
          "[cuda][replay]") {
  Backend* cuda =
      card_that_replays("what is drawn in a replay is of the step that stands in memory");
  if (!cuda) return;
  for (int i = 0; i < repetitions(); ++i) {
    arrange(i);
    Bench bench(*cuda);
    const Storage y = bench.array(0), at = cuda->allocate(sizeof(i32));
    for (int round = 0; round < kRounds; ++round) {
      const i32 step = 10 * round;
      cuda->copy_from_host(at.data(), &step, sizeof step);
      Stream stream{3, Purpose::dropout, static_cast<std::uint32_t>(step), 1,
                    static_cast<const std::int32_t*>(at.data())};
      const bool replayed =
          bench.replay().run([&] { cuda->uniform(stream, 0, 1, Bench::at(y), kSize); });
      CHECK(replayed == (round >= kCalled));
      std::vector<real> got(kSize);
      cuda->copy_to_host(got.data(), y.data(), kSize * sizeof(real));
      stream.step_at = nullptr;
      for (std::size_t at_place = 0; at_place < got.size(); ++at_place)
        REQUIRE(std::abs(double(got[at_place]) - random_uniform(stream, at_place)) < 1e-7);
    }
  }
}

TEST_CASE("cuda: what fails in a round is told, and nothing is replayed then", "[cuda][replay]") {
  Backend* cuda = card_that_replays("what fails in a round is told, and nothing is replayed then");
  if (!cuda) return;
  arrange(0);
  for (const int bad : {1, 2}) {
    CAPTURE(bad);
    Bench bench(*cuda);
    const Storage y = bench.array(0);
    for (int round = 0; round < kRounds; ++round) {
      const auto work = [&] {
        cuda->fill(Bench::at(y), kSize, static_cast<real>(7));
        if (round == bad) throw std::runtime_error("bad");
      };
      if (round == bad)
        CHECK_THROWS_AS(bench.replay().run(work), std::runtime_error);
      else
        CHECK_FALSE(bench.replay().run(work));
      CHECK(bench.first(y) == 7);
    }
    CHECK_FALSE(bench.replay().refusal().empty());
  }
}

TEST_CASE("cuda: a replay keeps the table that it turns by", "[cuda][replay]") {
  Backend* cuda = card_that_replays("a replay keeps the table that it turns by");
  if (!cuda) return;
  arrange(0);
  const auto attention = [](index length) {
    return Attention{.batch = 1, .length = length, .heads = 1, .head_size = 8};
  };
  constexpr index kLength = 40;
  const Attention here = attention(kLength), there = attention(kLength + 1);
  const auto values = static_cast<std::size_t>(3 * (kLength + 1) * 8);
  const Storage x = cuda->allocate(values * sizeof(real)),
                z = cuda->allocate(values * sizeof(real));
  const std::unique_ptr<Replay> replay = cuda->replay();
  std::vector<real> first;
  for (int round = 0; round < kRounds; ++round) {
    cuda->fill(Bench::at(x), static_cast<index>(values), 1);
    CHECK(replay->run([&] { cuda->rotary(here, 10000, 1, Bench::at(x)); }) == (round >= kCalled));
    std::vector<real> got(values);
    cuda->copy_to_host(got.data(), x.data(), values * sizeof(real));
    if (round == 0) first = got;
    CHECK(got == first);
    if (round < kCalled - 1) continue;
    // Another length has another table, and the memory of the first would be free.
    cuda->rotary(there, 10000, 1, Bench::at(z));
    std::vector<Storage> taken;
    for (int i = 0; i < 8; ++i) {
      taken.push_back(cuda->allocate(kLength * 8 * sizeof(real)));
      cuda->fill(Bench::at(taken.back()), kLength * 8, 5);
    }
  }
}

}  // namespace
}  // namespace moesim::testing
