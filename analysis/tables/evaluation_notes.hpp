// Writes the notes on evaluations: with which capacity, on which part of the data, and whether losses measure the model.
#pragma once

#include "analysis/runs/arms.hpp"
#include "analysis/tables/notes.hpp"

#include <vector>

namespace moesim {

// Notes arms evaluated with another capacity than they were trained with.
void note_capacity(const std::vector<Arm>& arms, RouterNotes& notes);

// Adds a note on arms that moesim transform quantised and that were trained afterwards.
void note_quantised(const std::vector<Arm>& arms, RouterNotes& notes);

// Notes losses measured on a part of the validation split, with their standard error.
void note_parts(const std::vector<Arm>& arms, RouterNotes& notes);

// Notes losses that do not measure the model: nothing was learned, the tokenizer does not know part of the text, or vocabularies
// differ in size.
void note_measure(const std::vector<Arm>& arms, RouterNotes& notes);

}  // namespace moesim
