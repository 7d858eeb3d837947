// Implements the comparison of the two backends.
#include "tests/cuda/support.hpp"

#include "sim/config/registry.hpp"
#include "sim/core/error.hpp"
#include "sim/core/random.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <sstream>

namespace moesim::testing {
namespace {

constexpr index kGuard = 5;

std::vector<real> values(std::uint64_t key, index n, double low, double high) {
  const Stream stream{key, Purpose::synthetic, 0, 0};
  std::vector<real> result(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < result.size(); ++i)
    result[i] = static_cast<real>(low + (high - low) * random_uniform(stream, i));
  return result;
}

template <class T>
void* upload(Backend& backend, std::vector<Storage>& held, const std::vector<T>& data) {
  held.push_back(backend.allocate(data.size() * sizeof(T)));
  backend.copy_from_host(held.back().data(), data.data(), data.size() * sizeof(T));
  return held.back().data();
}

template <class T>
std::vector<T> download(Backend& backend, const Storage& from, index n) {
  std::vector<T> data(static_cast<std::size_t>(n));
  backend.copy_to_host(data.data(), from.data(), data.size() * sizeof(T));
  return data;
}

void compare(const std::vector<real>& got, const std::vector<real>& want, double allowed) {
  REQUIRE(got.size() == want.size());
  for (std::size_t i = 0; i < want.size(); ++i) {
    const double g = double(got[i]), w = double(want[i]);
    if (g == w || (std::isnan(g) && std::isnan(w))) continue;
    if (!(std::abs(g - w) <= allowed * std::max(1.0, std::abs(w))))
      FAIL(fmt::format("place {} of {}: {} on the card, {} on the CPU", i, want.size(), g, w));
  }
}

}  // namespace

Backend* card(const char* test_case) {
  // One for all cases on a card. Under the emulation one each: the memory that a backend keeps for later is closed and opened
  // around every launch.
  static std::unique_ptr<Backend> backend;
  static std::string why;
  if (emulated()) backend.reset();
  if (!backend && why.empty()) {
    if (!Registry<Backend>::all().contains("cuda")) {
      why = "built without CUDA";
    } else {
      try {
        backend = make_backend("cuda:0", 0);
      } catch (const Error& error) {
        // These words are what ctest looks for. A card that cannot be used is no reason to skip.
        if (std::string(error.what()).find("no CUDA device") == std::string::npos) throw;
        why = "no CUDA device";
      }
    }
  }
  if (!backend) fmt::print("{}: skipped: {}\n", test_case, why);
  return backend.get();
}

Backend* card_that_replays(const char* test_case) {
  Backend* backend = card(test_case);
  if (backend == nullptr || backend->replay()) return backend;
  fmt::print("{}: skipped: the compiler of this build has no replays\n", test_case);
  return nullptr;
}

bool left_to_other_type(const char* test_case, bool wants_double) {
  if (!emulated() || kDouble == wants_double) return false;
  fmt::print(
      "{}: skipped under the emulation in {}: f{}.cuda_emulated runs it (MOESIM_EMULATE=both)\n",
      test_case, kDouble ? "double" : "float", wants_double ? 64 : 32);
  return true;
}

std::vector<Variant> variants_to_run(const std::string& router) {
  std::vector<Variant> variants = {{"defaults", ""}};
  const std::vector<Variant>& registered = variants_of(router);
  variants.insert(variants.end(), registered.begin(), registered.end());
  if (!emulated() || std::getenv("MOESIM_EMULATED_VARIANTS") != nullptr) return variants;
  if (variants.size() > 2) {
    fmt::print(
        "{}: {} of {} variants are skipped under the emulation without "
        "MOESIM_EMULATED_VARIANTS\n",
        router, variants.size() - 2, registered.size());
    variants.resize(2);
  }
  return variants;
}

std::vector<std::string> settings_of(const std::string& router, const Variant& variant) {
  std::vector<std::string> values = {"router.name", router};
  std::istringstream words(variant.settings);
  for (std::string word; words >> word;) {
    const std::size_t equals = word.find('=');
    values.push_back("router." + router + "." + word.substr(0, equals));
    values.push_back(word.substr(equals + 1));
  }
  return values;
}

real* Lab::in(index n, double low, double high) { return in(values(++key_, n, low, high)); }

real* Lab::in(const std::vector<real>& data) {
  return static_cast<real*>(upload(backend_, held_, data));
}

i32* Lab::ints(const std::vector<i32>& data) {
  return static_cast<i32*>(upload(backend_, held_, data));
}

real* Lab::out(index n) {
  reals_.emplace_back(held_.size(), n + kGuard);
  return in(n + kGuard);
}

i32* Lab::ints_out(index n) {
  ints_.emplace_back(held_.size(), n + kGuard);
  return ints(std::vector<i32>(static_cast<std::size_t>(n + kGuard), -7));
}

Lab::Result Lab::result() const {
  Result result;
  for (const auto& [at, n] : reals_) result.reals.push_back(download<real>(backend_, held_[at], n));
  for (const auto& [at, n] : ints_) result.ints.push_back(download<i32>(backend_, held_[at], n));
  result.reports = reports_;
  return result;
}

void agree(Backend& cuda, double allowed, const std::function<void(Lab&)>& run) {
  static CpuBackend cpu(1);
  Lab reference(cpu);
  run(reference);
  const Lab::Result want = reference.result();
  Lab::Result first;
  for (int i = 0; i < repetitions(); ++i) {
    arrange(i);
    Lab lab(cuda);
    run(lab);
    const Lab::Result got = lab.result();
    if (i > 0) {
      CAPTURE(i);
      REQUIRE(got == first);
      continue;
    }
    first = got;
    for (std::size_t j = 0; j < want.reals.size(); ++j) {
      CAPTURE(j);
      compare(got.reals[j], want.reals[j], allowed);
    }
    REQUIRE(got.ints == want.ints);
    REQUIRE(got.reports.size() == want.reports.size());
    for (std::size_t j = 0; j < want.reports.size(); ++j)
      REQUIRE(std::abs(got.reports[j] - want.reports[j]) <=
              allowed * std::max(1.0, std::abs(want.reports[j])));
  }
}

}  // namespace moesim::testing
