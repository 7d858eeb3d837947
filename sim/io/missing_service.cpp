#include "sim/io/missing_service.hpp"

#include <array>
#include <atomic>
#include <cerrno>
#include <iostream>
#include <new>
#include <sys/mman.h>

namespace moesim {
namespace {

using Given = std::array<std::atomic<bool>, 4>;  // "already warned", by Service

// Memory shared with forked processes; private memory if sharing is not possible.
Given* shared_flags() {
  void* page =
      ::mmap(nullptr, sizeof(Given), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  static Given own{};
  return page == MAP_FAILED ? &own : new (page) Given{};
}

// Allocated at program start, before the first fork.
Given* const given = shared_flags();

Warn& receiver() {
  static Warn warn;
  return warn;
}

}  // namespace

bool is_missing(int reason) {
  return reason == EINVAL || reason == ENOSYS || reason == EOPNOTSUPP || reason == ENOTSUP ||
         reason == ENOTTY;
}

void warn_missing(Service service, const std::string& message) {
  if ((*given)[static_cast<std::size_t>(service)].exchange(true)) return;
  const std::string line = "warning: " + message;
  if (receiver())
    receiver()(line);
  else
    std::cerr << line << '\n';
}

void send_warnings(Warn warn) { receiver() = std::move(warn); }

}  // namespace moesim
