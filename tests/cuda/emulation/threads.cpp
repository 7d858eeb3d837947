// Emulates the threads of a block as fibers.
#include "cuda_runtime.h"
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <numeric>
#include <ucontext.h>
#include <vector>

dim3 threadIdx, blockIdx, blockDim, gridDim;

extern char __start_emulated_shared[], __stop_emulated_shared[];

namespace emulation {
namespace {

constexpr std::size_t kStack = 128 << 10;
constexpr unsigned kWarp = 32;

enum class State { fresh, ready, waiting, done };

// Where to go on. The compilers' own jumps keep no signal masks and take a fifth of the time of libc's, which also reject jumps
// to another stack.
using Place = void* [5];

struct Fiber {
  ucontext_t context;
  Place here;
  std::unique_ptr<char[]> stack{new char[kStack]};
};

struct Copy {
  void* to;
  const void* from;
  std::size_t bytes, zeros;
};

struct Thread {
  State state = State::fresh;
  Fiber* fiber = nullptr;
  unsigned exchanges = 0;
  int lane_xor = 0;                       // of the exchange that it waits for; 0: it waits for none
  std::uint64_t value = 0;                // what it gives in that exchange, then what it got
  std::vector<std::vector<Copy>> groups;  // of asynchronous copies, the oldest first
  std::vector<Copy> copies;               // of the group that is not committed
};

Order order = Order::forward;
std::size_t kernels = 0;
std::vector<std::unique_ptr<Fiber>> fibers;
std::vector<Fiber*> idle;
std::vector<Thread> threads;
std::vector<dim3> places;        // of the threads in the block
std::vector<unsigned> sequence;  // of the threads, in the chosen order
unsigned next = 0, last = 0;     // of the sequence: threads that are yet to run in this pass
std::vector<unsigned> warp_waiting;
unsigned block_waiting = 0, done = 0, current = 0;
const std::function<void()>* body = nullptr;
Place scheduler;

// In a function of its own: the compilers ask that nobody jumps to a place of the same function.
[[noreturn, gnu::noinline]] void jump(Place& to) { __builtin_longjmp(to, 1); }

// Makes the next thread of the pass that can run the current one; returns where it goes on, or where the scheduler does, which
// also gives threads their first fiber.
Place& next_place() {
  for (; next < last; ++next) {
    Thread& thread = threads[sequence[next]];
    if (thread.state == State::fresh) {
      if (idle.empty()) break;
      thread.fiber = idle.back();
      idle.pop_back();
      thread.state = State::ready;
    } else if (thread.state != State::ready) {
      continue;
    }
    current = sequence[next++];
    threadIdx = places[current];
    return thread.fiber->here;
  }
  return scheduler;
}

void leave() {
  Fiber* fiber = threads[current].fiber;
  if (__builtin_setjmp(fiber->here) == 0) jump(next_place());
}

void enter(Fiber& fiber) {
  if (__builtin_setjmp(scheduler) == 0) jump(fiber.here);
}

void begin(Fiber& fiber) {
  if (__builtin_setjmp(scheduler) == 0) setcontext(&fiber.context);
}

// Called through these: a compiler that saw the bodies would keep values over the call that others change.
void (*volatile to_scheduler)() = leave;
void (*volatile to_fiber)(Fiber&) = enter;
void (*volatile to_new_fiber)(Fiber&) = begin;

// Goes on, in the same fiber, with the next thread of the pass if that has not begun: most kernels never wait.
bool take_next(Fiber* fiber) {
  if (next == last || threads[sequence[next]].state != State::fresh) return false;
  current = sequence[next++];
  threadIdx = places[current];
  threads[current].state = State::ready;
  threads[current].fiber = fiber;
  return true;
}

// A fiber runs one thread after another; it stays with a thread that waits.
void work() {
  for (;;) {
    (*body)();
    Thread& thread = threads[current];
    thread.state = State::done;
    if (!thread.copies.empty() || !thread.groups.empty()) stop("a thread ends before its copies");
    ++done;
    if (take_next(thread.fiber)) continue;
    idle.push_back(thread.fiber);
    to_scheduler();
  }
}

void run_thread(unsigned t) {
  Thread& thread = threads[t];
  current = t;
  threadIdx = places[t];
  const bool fresh = thread.state == State::fresh;
  thread.state = State::ready;
  if (fresh && idle.empty()) {
    fibers.push_back(std::make_unique<Fiber>());
    thread.fiber = fibers.back().get();
    ucontext_t& context = thread.fiber->context;
    getcontext(&context);
    context.uc_stack.ss_sp = thread.fiber->stack.get();
    context.uc_stack.ss_size = kStack;
    context.uc_link = nullptr;
    makecontext(&context, work, 0);
    return to_new_fiber(*thread.fiber);
  }
  if (fresh) {
    thread.fiber = idle.back();
    idle.pop_back();
  }
  to_fiber(*thread.fiber);
}

// Returns 0 .. n-1 in the chosen order.
std::vector<unsigned> arranged(unsigned n, unsigned salt) {
  std::vector<unsigned> list(n);
  std::iota(list.begin(), list.end(), 0u);
  if (order == Order::backward)
    for (unsigned i = 0; i < n; ++i) list[i] = n - 1 - i;
  if (order == Order::mixed) {
    std::uint64_t random = 88172645463325252ull + salt;
    for (unsigned i = n; i > 1; --i) {
      random = random * 6364136223846793005ull + 1442695040888963407ull;
      std::swap(list[i - 1], list[(random >> 33) % i]);
    }
  }
  return list;
}

void run_block(unsigned n) {
  std::memset(__start_emulated_shared, 0xff,
              static_cast<std::size_t>(__stop_emulated_shared - __start_emulated_shared));
  threads.assign(n, Thread{});
  warp_waiting.assign((n + kWarp - 1) / kWarp, 0);
  block_waiting = done = 0;
  while (done < n) {
    bool moved = false;
    for (unsigned first = 0; first < n;) {
      // Consecutive threads that stay together: all of them in the mixed order, else those of a
      // warp, which runs on its own to the next barrier of the block.
      unsigned end = first;
      while (end < n && (order == Order::mixed || sequence[end] / kWarp == sequence[first] / kWarp))
        ++end;
      bool once = false;
      for (next = first, last = end; next < last;) {
        const unsigned t = sequence[next++];
        if (threads[t].state != State::fresh && threads[t].state != State::ready) continue;
        run_thread(t);
        moved = once = true;
      }
      if (!once || order == Order::mixed) first = end;
    }
    if (!moved) stop("a barrier that not all threads reach");
  }
}

}  // namespace

void stop(const char* what) {
  std::fprintf(stderr, "emulation: %s in block %u of %u, %u threads\n", what, blockIdx.x, gridDim.x,
               static_cast<unsigned>(threads.size()));
  std::abort();
}

void set_order(Order wanted) { order = wanted; }

void run_grid(dim3 grid, dim3 block, const std::function<void()>& thread) {
  ++kernels;
  gridDim = grid, blockDim = block, body = &thread;
  const unsigned n = block.x * block.y * block.z;
  if (n == 0 || n > 1024 || grid.y > 65535 || grid.z > 65535) stop("an impossible launch");
  spend(std::uint64_t{grid.x * grid.y * grid.z} * n);
  sequence = arranged(n, static_cast<unsigned>(kernels));
  places.resize(n);
  for (unsigned t = 0; t < n; ++t)
    places[t] = dim3(t % block.x, t / block.x % block.y, t / (block.x * block.y));
  for (const unsigned b : arranged(grid.x * grid.y * grid.z, 1)) {
    blockIdx = dim3(b % grid.x, b / grid.x % grid.y, b / (grid.x * grid.y));
    run_block(n);
  }
}

void block_barrier() {
  threads[current].state = State::waiting;
  if (++block_waiting == threads.size()) {
    block_waiting = 0;
    for (Thread& thread : threads) thread.state = State::ready;
  }
  to_scheduler();
}

static void check_warps() {
  if (threads.size() % kWarp != 0) stop("a warp's operation in a block without whole warps");
}

// The first of two lanes waits for the other; the second takes its value, leaves its own and goes on. An exchange orders no accesses
// to memory, so that other lanes may be behind.
std::uint64_t exchange(std::uint64_t value, int lane_xor) {
  check_warps();
  const unsigned me = current;
  Thread &mine = threads[me], &other = threads[me ^ static_cast<unsigned>(lane_xor)];
  ++mine.exchanges;
  if (other.lane_xor != 0 && other.exchanges == mine.exchanges) {
    if (other.lane_xor != lane_xor) stop("an exchange with a lane that asks another one");
    std::swap(value, other.value);
    other.lane_xor = 0;
    other.state = State::ready;
    return value;
  }
  mine.lane_xor = lane_xor;
  mine.value = value;
  mine.state = State::waiting;
  to_scheduler();
  return threads[current].value;
}

void warp_barrier() {
  check_warps();
  const unsigned warp = current / kWarp;
  threads[current].state = State::waiting;
  if (++warp_waiting[warp] == kWarp) {
    warp_waiting[warp] = 0;
    for (unsigned t = warp * kWarp; t < (warp + 1) * kWarp; ++t) threads[t].state = State::ready;
  }
  to_scheduler();
}

static void carry_out(const Copy& c) {
  std::memcpy(c.to, c.from, c.bytes - c.zeros);
  std::memset(static_cast<char*>(c.to) + c.bytes - c.zeros, 0, c.zeros);
}
void copy_later(void* to, const void* from, std::size_t bytes, std::size_t zeros) {
  if (order == Order::mixed) return carry_out({to, from, bytes, zeros});
  threads[current].copies.push_back({to, from, bytes, zeros});
}
void commit_copies() {
  Thread& thread = threads[current];
  thread.groups.push_back(std::move(thread.copies));
  thread.copies.clear();
}
void finish_copies(std::size_t groups_left) {
  auto& groups = threads[current].groups;
  for (; groups.size() > groups_left; groups.erase(groups.begin()))
    for (const Copy& copy : groups.front()) carry_out(copy);
}

int lane() { return static_cast<int>(current % kWarp); }
int warp() { return static_cast<int>(current / kWarp); }

}  // namespace emulation
