// Declares the settings in which runs on a card and under the emulation differ.
#pragma once

namespace moesim::testing {

// Under the emulation a second of a card takes hours.
bool emulated();

// How often a run on the card is repeated, and what changes before each: under the emulation the
// order of threads, on a card nothing.
int repetitions();
void arrange(int repetition);

}  // namespace moesim::testing
