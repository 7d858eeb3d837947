#include "sim/nn/module.hpp"

#include "sim/backend/backend.hpp"
#include "sim/core/checked.hpp"
#include "sim/core/error.hpp"
#include "sim/core/random.hpp"

#include <cmath>
#include <utility>

namespace moesim {

Module::~Module() = default;

Tensor Module::parameter(std::string name, Shape shape, Init init, bool decay) {
  own_.push_back({std::move(name), Tensor::deferred(shape), init, decay});
  return own_.back().value;
}

Tensor Module::matrix(std::string name, Shape shape, Init init) {
  const Tensor value = parameter(std::move(name), shape, init);
  own_.back().product = true;
  return value;
}

Tensor Module::frozen_parameter(std::string name, Shape shape, Init init) {
  own_.push_back({std::move(name), Tensor::deferred(shape), init, false});
  freeze(own_.back());
  return own_.back().value;
}

void freeze(Parameter& parameter) {
  parameter.frozen = true;
  parameter.value.set_wants_gradient(false);
}

Tensor Module::buffer(std::string name, Shape shape, Init init) {
  buffers_.push_back({std::move(name), Tensor::deferred(shape), init, false});
  buffers_.back().value.set_wants_gradient(false);
  return buffers_.back().value;
}

void Module::child(std::string name, const Module& module) {
  children_.emplace_back(std::move(name), &module);
}

std::vector<Parameter> Module::parameters() const {
  std::vector<Parameter> all;
  collect(true, "", all);
  return all;
}

std::vector<Parameter> Module::buffers() const {
  std::vector<Parameter> all;
  collect(false, "", all);
  return all;
}

void Module::collect(bool trained, const std::string& prefix, std::vector<Parameter>& all) const {
  for (const Parameter& own : trained ? own_ : buffers_) {
    all.push_back(own);
    all.back().name = prefix + own.name;
  }
  for (const auto& [name, module] : children_) module->collect(trained, prefix + name + ".", all);
}

namespace {

constexpr index kSerial = 10000;  // values that are not worth starting threads

double draw(const Init& init, const Stream& stream, std::uint64_t i) {
  switch (init.kind) {
    case Init::Kind::constant:
      return init.value;
    case Init::Kind::normal:
      return init.value * random_normal(stream, i);
    case Init::Kind::truncated_normal: {
      // Rejection; draw i owns the counters i, i + 2^32, i + 2·2^32, ...
      double z = random_normal(stream, i);
      for (std::uint64_t attempt = 1; std::abs(z) > 2; ++attempt)
        z = random_normal(stream, i + (attempt << 32));
      return init.value * z;
    }
  }
  return 0;
}

}  // namespace

void initialise(const std::vector<Parameter>& parameters, Backend& backend, std::uint64_t seed) {
  for (const Parameter& parameter : parameters) {
    const std::uint64_t key = hash_name(parameter.name);
    const Stream stream{seed, Purpose::parameters, static_cast<std::uint32_t>(key),
                        static_cast<std::uint32_t>(key >> 32)};
    const index size = parameter.value.size();
    std::vector<real> values(static_cast<std::size_t>(size));
    // Serially, half a billion values take a minute. Every draw has its own counter.
#pragma omp parallel for num_threads(backend.threads()) if (size > kSerial)
    for (index i = 0; i < size; ++i)
      values[static_cast<std::size_t>(i)] =
          static_cast<real>(draw(parameter.init, stream, static_cast<std::uint64_t>(i)));
    within([&] { return "parameter " + parameter.name; },
           [&] { parameter.value.allocate(backend); });
    parameter.value.from_host(values);
  }
}

index count(const std::vector<Parameter>& parameters) {
  index total = 0;
  for (const Parameter& parameter : parameters)
    total = checked_sum(total, parameter.value.size(), "the parameters");
  return total;
}

}  // namespace moesim
