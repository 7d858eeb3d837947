#include "sim/backend/backend.hpp"

#include "sim/core/error.hpp"

namespace moesim {

Storage Backend::allocate(std::size_t bytes) {
  void* block = take(bytes);
  return {std::shared_ptr<void>(block, [this, bytes](void* p) { give(p, bytes); }), bytes, this};
}

}  // namespace moesim
