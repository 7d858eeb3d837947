// Declares the settings in which runs on a card and under the emulation differ.
#pragma once

namespace moesim::testing {

// Under the emulation a second of a card takes hours.
bool emulated();

// Number of repetitions on the device, and the change before each: under the emulation the order of
// threads, on a card nothing.
int repetitions();
void arrange(int repetition);

}  // namespace moesim::testing
