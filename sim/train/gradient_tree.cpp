#include "sim/train/gradient_tree.hpp"

#include "sim/backend/backend.hpp"

#include <bit>
#include <cstdint>
#include <utility>

namespace moesim {
namespace {

// sum += gradient
void add_to(Tensor& sum, const Tensor& gradient) {
  if (!gradient) return;
  if (!sum) {
    sum = gradient;
    return;
  }
  sum = writable(sum);
  sum.backend().axpy(1, gradient.data(), sum.data(), sum.size());
}

}  // namespace

void GradientTree::add(std::vector<Tensor> gradients) {
  stack_.push_back({1, std::move(gradients)});
  while (stack_.size() > 1 && stack_[stack_.size() - 2].parts == stack_.back().parts) join();
}

std::vector<Tensor> GradientTree::take() {
  while (stack_.size() > 1) join();
  if (stack_.empty()) return {};
  std::vector<Tensor> sums = std::move(stack_.back().gradients);
  stack_.clear();
  return sums;
}

// The sum keeps the memory of the lower operand, so the sum of a step is in the memory of the first
// micro-batch's gradients: the same addresses in every step.
void GradientTree::join() {
  const Sum top = std::move(stack_.back());
  stack_.pop_back();
  Sum& below = stack_.back();
  below.parts += top.parts;
  for (std::size_t i = 0; i < top.gradients.size(); ++i)
    add_to(below.gradients[i], top.gradients[i]);
}

index gradient_buffers(index parts) { return std::bit_width(static_cast<std::uint64_t>(parts)); }

void sum_gradients(const std::vector<Parameter>& parameters, index parts,
                   const std::function<void(index part)>& pass) {
  GradientTree tree;
  for (index part = 0; part < parts; ++part) {
    for (const Parameter& p : parameters) p.value.clear_gradient();
    pass(part);
    if (parts == 1) return;
    const Span span(Part::optimiser);
    std::vector<Tensor> gradients;
    for (const Parameter& p : parameters) gradients.push_back(p.value.gradient());
    tree.add(std::move(gradients));
  }
  const std::vector<Tensor> sums = tree.take();
  for (std::size_t i = 0; i < parameters.size(); ++i) parameters[i].value.set_gradient(sums[i]);
}

}  // namespace moesim
