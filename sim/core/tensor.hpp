// Tensor is a dense, contiguous, row-major array of `real` on one device; Indices is its integer
// counterpart.
//
// A Tensor is a handle: copies share values and gradient. A reshape is another handle to the same
// values, so it is free, and its gradient is shared as well. There are no strides: transposes are
// flags of matmul, and every other rearrangement is a named op.
#pragma once

#include "sim/core/storage.hpp"
#include "sim/core/types.hpp"

#include <array>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

namespace moesim {

// Shape is the sizes of up to four axes.
class Shape {
 public:
  static constexpr int kMaxRank = 4;
  Shape() = default;
  Shape(std::initializer_list<index> dims);

  int rank() const { return rank_; }
  index operator[](int axis) const {
    return dims_[static_cast<std::size_t>(axis < 0 ? axis + rank_ : axis)];
  }
  index size() const;
  index last() const { return rank_ == 0 ? 1 : (*this)[-1]; }
  // Rows of the tensor seen as a matrix: the product of all axes but the last.
  index rows() const { return last() == 0 ? 0 : size() / last(); }
  bool operator==(const Shape&) const = default;
  std::string to_string() const;  // "[2, 3]"

 private:
  std::array<index, kMaxRank> dims_{};
  int rank_ = 0;
};

class Tensor {
 public:
  // Not inlined: the release of a reference would be most of a caller's code.
  Tensor() = default;
  Tensor(const Tensor&);
  Tensor(Tensor&&) noexcept;
  Tensor& operator=(const Tensor&);
  Tensor& operator=(Tensor&&) noexcept;
  ~Tensor();
  static Tensor empty(Shape shape, Device& device);  // values are undefined
  static Tensor zeros(Shape shape, Device& device);
  static Tensor full(Shape shape, real value, Device& device);
  static Tensor of(Shape shape, const std::vector<real>& values, Device& device);
  // A parameter that requires a gradient; allocate() gives it memory.
  static Tensor deferred(Shape shape);

  explicit operator bool() const { return body_ != nullptr; }
  const Shape& shape() const { return shape_; }
  index dim(int axis) const { return shape_[axis]; }
  index size() const { return shape_.size(); }
  index rows() const { return shape_.rows(); }
  index cols() const { return shape_.last(); }
  Device& device() const { return body_->values.device(); }
  Backend& backend() const { return body_->values.backend(); }

  real* data() const { return static_cast<real*>(body_->values.data()); }
  std::vector<real> to_host() const;
  void from_host(const std::vector<real>& values) const;
  real item() const;  // the value of a tensor of one element

  Tensor reshape(Shape shape) const;
  // The same values as a constant: no gradient flows back. Routers use stop_gradient (ops), which
  // gradient checks can replay.
  Tensor detach() const;

  bool wants_gradient() const { return body_ && body_->wants_gradient; }
  void set_wants_gradient(bool wants) const { body_->wants_gradient = wants; }
  bool has_gradient() const { return body_ && body_->filled; }
  Tensor gradient() const;  // empty if there is none
  void clear_gradient() const {
    if (body_) body_->filled = false;
  }
  // Makes the values of another tensor its gradient; empty: none.
  void set_gradient(const Tensor& gradient) const;
  void drop_gradient() const;           // clears it and frees its memory
  void allocate(Device& device) const;  // for deferred tensors; values are undefined
  bool allocated() const { return body_ && body_->values; }
  // True for two handles of the same values.
  bool same(const Tensor& other) const { return body_ == other.body_; }

 private:
  friend struct GradientSlot;
  friend class Tape;
  friend void pass_gradient(const Tensor& tensor, const Tensor& dy);
  friend Tensor writable(const Tensor& dy);
  struct Body {
    Storage values;
    Storage gradient;
    bool wants_gradient = false;
    bool filled = false;  // the gradient has values
  };
  Shape shape_;
  std::shared_ptr<Body> body_;
};

// Indices are integers on a device: token numbers, expert numbers, offsets, counts.
class Indices {
 public:
  Indices() = default;
  Indices(const Indices&);
  Indices(Indices&&) noexcept;
  Indices& operator=(const Indices&);
  Indices& operator=(Indices&&) noexcept;
  ~Indices();
  static Indices empty(index size, Device& device);
  static Indices of(const std::vector<std::int32_t>& values, Device& device);

  explicit operator bool() const { return static_cast<bool>(storage_); }
  index size() const { return size_; }
  std::int32_t* data() const { return static_cast<std::int32_t*>(storage_.data()); }
  Device& device() const { return storage_.device(); }
  Backend& backend() const { return storage_.backend(); }
  // Values on the host. The first call copies them from the device, later calls use that copy:
  // indices are immutable once they have been read. Indices made on the host need no copy.
  std::vector<std::int32_t> to_host() const;
  // The first `size` entries, sharing the memory.
  Indices first(index size) const;

 private:
  Storage storage_;
  index size_ = 0;
  mutable std::shared_ptr<const std::vector<std::int32_t>> host_;
};

}  // namespace moesim
