#!/usr/bin/env bash
# Tests that adding a router or an expert takes one file: from a temporary folder they are built in, listed, certified, trained
# and installed; a pattern that matches no file is refused. Three of them are the examples of routers/README.md,
# routers/STATE.md and experts/CONTRACT.md, as they are written there.
# Usage: new_router.sh SOURCE_DIR BUILD_DIR (whose settings and objects are used).
set -euo pipefail
source=$1 build=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$source/tests/program/objects.py" "$build" "$work/objects"
export CMAKE_CXX_COMPILER_LAUNCHER="$source/tests/program/reuse.sh;$build;$work/objects"
cat > "$work/round_robin.cpp" <<'CPP'
// Every token goes to the next expert, by its position.
#include "sim/moe/choose.hpp"
#include "sim/moe/router.hpp"

namespace moesim {
namespace {

class RoundRobin : public Router {
 public:
  RoundRobin(const Site& site, Options& options) : stride_(options.integer("stride", 1, {1, 64}, "between experts")) {
    traits_.experts = site.experts;
  }
  Routing route(const Tokens& tokens) override {
    std::vector<std::int32_t> expert;
    for (index t = 0; t < tokens.x.rows(); ++t) expert.push_back(static_cast<std::int32_t>(t % tokens.length() * stride_ % traits_.experts));
    const Indices choice = Indices::of(expert, tokens.x.backend());
    return {.plan = assign(choice, choice, 1, traits_.experts, {})};
  }

 private:
  index stride_;
};

const RegisterRouter<RoundRobin> round_robin("round_robin", "by position");

}  // namespace
}  // namespace moesim
CPP
for example in routers/mine routers/steered experts/relu2; do  # the block that begins with the file's name
  awk -v first="// $example.cpp:" '/^```/ { inside = 0 } index($0, first) == 1 { inside = 1 } inside' "$source/${example%%/*}"/*.md \
    > "$work/${example##*/}.cpp"
  grep -qE "Register(Router|Expert)<" "$work/${example##*/}.cpp" || { echo "FAILED: no example $example in a README"; exit 1; }
done
settings=$(grep -E '^(CMAKE_BUILD_TYPE|CMAKE_CXX_COMPILER|CMAKE_CXX_FLAGS|MOESIM_[A-Z]+):' "$build/CMakeCache.txt" | grep -v MOESIM_EXTRA | sed 's/^/-D/')
readarray -t settings <<< "$settings"
configure() { cmake -S "$source" -B "$work/build" -G Ninja "${settings[@]}" -DMOESIM_TESTS=OFF -DMOESIM_CUDA=OFF "$@" 2>&1; }
configure -DMOESIM_EXTRA_ROUTERS="$work/*.cpp;$work/none/*.cpp" > "$work/log" && { echo "a pattern without files was taken"; exit 1; }
grep -q 'MOESIM_EXTRA_ROUTERS=.*/none/\*.cpp: no such file' <(tr -s '\n ' ' ' < "$work/log")
configure -DMOESIM_EXTRA_ROUTERS="$work/*.cpp" > "$work/log" || { cat "$work/log"; exit 1; }
cmake --build "$work/build" --target moesim > "$work/log" || { cat "$work/log"; exit 1; }
moesim=$work/build/moesim
"$moesim" list routers round_robin | grep -q round_robin
"$moesim" check round_robin
printf '%s\n' '[run]' 'name = new' 'steps = 20' '[router]' 'name = round_robin' '[router.round_robin]' 'stride = 2' '[expert]' 'name = relu2' > "$work/c.ini"
"$moesim" run "$work/c.ini" --out "$work/out"
cmake --install "$work/build" --prefix "$work/prefix" > "$work/log" || { cat "$work/log"; exit 1; }  # of what was built: moesim alone
"$work/prefix/bin/moesim" list routers round_robin | grep -q round_robin
# Derivatives need the program in double beside it; a router without any has been certified alone.
"$moesim" check mine > "$work/log" && { echo "passed without derivatives"; exit 1; }
grep -q '^incomplete: derivatives are measured in double' "$work/log" || { cat "$work/log"; exit 1; }
cmake --build "$work/build" --target moesim-f64 > "$work/log" || { cat "$work/log"; exit 1; }
"$moesim" list experts relu2 | grep -q relu2
"$moesim" check mine
"$moesim" check mine k=3 expert.name=swiglu
"$moesim" check steered
"$moesim" check relu2
"$moesim" check relu2 start=0.1 expert.hidden=12 moe.experts=7
"$moesim" check token_choice expert.name=relu2
