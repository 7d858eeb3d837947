// What is different about the ways in which the cases run.
#pragma once

namespace moesim::testing {

// How often a run on the card is repeated, and what changes before each: under the emulation the
// order of threads, on a card nothing.
int repetitions();
void arrange(int repetition);

}  // namespace moesim::testing
