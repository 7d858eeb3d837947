#include "sim/core/tensor.hpp"

#include "sim/core/checked.hpp"
#include "sim/core/device.hpp"
#include "sim/core/error.hpp"

#include <cstddef>
#include <utility>

namespace moesim {

Shape::Shape(std::initializer_list<index> dims) {
  if (dims.size() > kMaxRank)
    fail_in("Shape", "rank " + std::to_string(dims.size()) + " is above 4");
  for (const index dim : dims) {
    if (dim < 0) fail_in("Shape", "negative dimension " + std::to_string(dim));
    dims_[static_cast<std::size_t>(rank_++)] = dim;
  }
  checked_product(dims, "a tensor");  // so size() cannot overflow
}

index Shape::size() const {
  index size = 1;
  for (int axis = 0; axis < rank_; ++axis) size *= (*this)[axis];
  return size;
}

std::string Shape::to_string() const {
  std::string text = "[";
  for (int axis = 0; axis < rank_; ++axis) {
    if (axis > 0) text += ", ";
    text += std::to_string((*this)[axis]);
  }
  return text + "]";
}

Tensor::Tensor(const Tensor&) = default;
Tensor::Tensor(Tensor&&) noexcept = default;
Tensor& Tensor::operator=(const Tensor&) = default;
Tensor& Tensor::operator=(Tensor&&) noexcept = default;
Tensor::~Tensor() = default;

Indices::Indices(const Indices&) = default;
Indices::Indices(Indices&&) noexcept = default;
Indices& Indices::operator=(const Indices&) = default;
Indices& Indices::operator=(Indices&&) noexcept = default;
Indices::~Indices() = default;

Tensor Tensor::empty(Shape shape, Device& device) {
  Tensor tensor = deferred(shape);
  tensor.body_->wants_gradient = false;
  tensor.allocate(device);
  return tensor;
}

Tensor Tensor::zeros(Shape shape, Device& device) {
  Tensor tensor = empty(shape, device);
  device.zero(tensor.data(), static_cast<std::size_t>(tensor.size()) * sizeof(real));
  return tensor;
}

Tensor Tensor::full(Shape shape, real value, Device& device) {
  Tensor tensor = empty(shape, device);
  device.fill(tensor.data(), tensor.size(), value);
  return tensor;
}

Tensor Tensor::of(Shape shape, const std::vector<real>& values, Device& device) {
  Tensor tensor = empty(shape, device);
  tensor.from_host(values);
  return tensor;
}

Tensor Tensor::deferred(Shape shape) {
  Tensor tensor;
  tensor.shape_ = shape;
  tensor.body_ = std::make_shared<Body>();
  tensor.body_->wants_gradient = true;
  return tensor;
}

void Tensor::allocate(Device& device) const {
  within([&] { return "tensor " + shape_.to_string(); },
         [&] { body_->values = device.allocate(static_cast<std::size_t>(size()) * sizeof(real)); });
}

std::vector<real> Tensor::to_host() const {
  std::vector<real> values(static_cast<std::size_t>(size()));
  device().copy_to_host(values.data(), data(), values.size() * sizeof(real));
  return values;
}

void Tensor::from_host(const std::vector<real>& values) const {
  if (static_cast<index>(values.size()) != size())
    fail_in("Tensor", std::to_string(values.size()) + " values for shape " + shape_.to_string());
  device().copy_from_host(data(), values.data(), values.size() * sizeof(real));
}

real Tensor::item() const {
  if (size() != 1) fail_in("Tensor::item", "shape " + shape_.to_string() + " has not one element");
  return to_host()[0];
}

Tensor Tensor::reshape(Shape shape) const {
  if (shape.size() != size())
    fail_in("reshape",
            shape_.to_string() + " to " + shape.to_string() + " changes the number of elements");
  Tensor tensor = *this;
  tensor.shape_ = shape;
  return tensor;
}

Tensor Tensor::detach() const {
  Tensor tensor;
  tensor.shape_ = shape_;
  tensor.body_ = std::make_shared<Body>();
  tensor.body_->values = body_->values;
  return tensor;
}

Tensor Tensor::gradient() const {
  if (!has_gradient()) return {};
  Tensor tensor;
  tensor.shape_ = shape_;
  tensor.body_ = std::make_shared<Body>();
  tensor.body_->values = body_->gradient;
  return tensor;
}

void Tensor::set_gradient(const Tensor& gradient) const {
  body_->filled = static_cast<bool>(gradient);
  if (gradient) body_->gradient = gradient.body_->values;
}

void Tensor::drop_gradient() const {
  if (!body_) return;
  body_->filled = false;
  body_->gradient = {};
}

Indices Indices::empty(index size, Device& device) {
  Indices indices;
  within([&] { return "indices [" + std::to_string(size) + "]"; },
         [&] {
           indices.storage_ =
               device.allocate(static_cast<std::size_t>(size) * sizeof(std::int32_t));
         });
  indices.size_ = size;
  return indices;
}

Indices Indices::of(const std::vector<std::int32_t>& values, Device& device) {
  Indices indices = empty(static_cast<index>(values.size()), device);
  indices.host_ = std::make_shared<const std::vector<std::int32_t>>(values);
  device.copy_from_host(indices.data(), values.data(), values.size() * sizeof(std::int32_t));
  return indices;
}

std::vector<std::int32_t> Indices::to_host() const {
  if (!host_) {
    std::vector<std::int32_t> values(static_cast<std::size_t>(size_));
    if (size_ > 0)
      device().copy_to_host(values.data(), data(), values.size() * sizeof(std::int32_t));
    host_ = std::make_shared<const std::vector<std::int32_t>>(std::move(values));
  }
  return {host_->begin(), host_->begin() + size_};
}

Indices Indices::first(index size) const {
  if (size > size_) fail_in("Indices::first", "more entries than there are");
  Indices indices = *this;
  indices.size_ = size;
  return indices;
}

}  // namespace moesim
