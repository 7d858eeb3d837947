// Emulates device memory: pages that the host cannot access.
//
// A block is opened at its first access by work of the device, in the handler of the fault, and closed after that work. Opening all
// blocks for each piece of work would take most of the time of small models.
#include "memory.hpp"

#include "cuda_runtime.h"
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

namespace emulation {
namespace {

struct Block {
  char* pages;
  std::size_t size;  // of the pages without the guard
  std::size_t bytes;
};
std::map<char*, Block> blocks;  // by address
std::vector<Block> opened;      // by the work that runs
bool closing = true;
struct sigaction host_action;  // what a fault of the host leads to

int access_of(bool open) { return open ? PROT_READ | PROT_WRITE : PROT_NONE; }
std::size_t page() { return static_cast<std::size_t>(sysconf(_SC_PAGESIZE)); }

void open_block(int, siginfo_t* fault, void*) {
  auto* at = static_cast<char*>(fault->si_addr);
  const auto next = blocks.upper_bound(at);
  if (next != blocks.begin()) {
    const Block& block = std::prev(next)->second;
    if (at < block.pages + block.size && mprotect(block.pages, block.size, access_of(true)) == 0)
      return opened.push_back(block);
  }
  sigaction(SIGSEGV, &host_action,
            nullptr);  // no block is there: the access is repeated, and faults as one of the host
}

}  // namespace

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "emulation: %s\n", what);
  std::abort();
}

void on_device(const std::function<void()>& work) {
  if (!closing) return work();
  opened.reserve(blocks.size());  // the handler allocates nothing
  struct sigaction action = {};
  action.sa_sigaction = open_block;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGSEGV, &action, &host_action);
  struct Closes {
    ~Closes() {  // also if the work throws
      sigaction(SIGSEGV, &host_action, nullptr);
      for (const Block& block : opened) mprotect(block.pages, block.size, access_of(false));
      opened.clear();
    }
  } closes;
  work();
}

void set_closed(bool closed) {
  closing = closed;
  for (const auto& [p, block] : blocks) mprotect(block.pages, block.size, access_of(!closed));
}

char* take_block(std::size_t bytes) {
  const std::size_t size = (bytes + page() - 1) / page() * page();
  void* memory = mmap(nullptr, size + page(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  require(memory != MAP_FAILED, "out of memory");
  char* const pages = static_cast<char*>(memory);
  char* const begin = pages + (size - bytes);
  mprotect(pages, size, access_of(true));
  std::memset(begin, 0xff, bytes);
  mprotect(pages, size, access_of(!closing));
  blocks[begin] = {pages, size, bytes};
  return begin;
}

std::size_t release_block(void* p) {
  const auto found = blocks.find(static_cast<char*>(p));
  require(found != blocks.end(), "cudaFree of what is no block");
  const Block block = found->second;
  munmap(block.pages, block.size + page());
  blocks.erase(found);
  return block.bytes;
}

}  // namespace emulation
