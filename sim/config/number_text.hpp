// How numbers are written elsewhere: what was meant by a text that is none here.
#pragma once

#include <string>
#include <string_view>

namespace moesim::config {

// The number that "0,003", "1_000", "+3", "1e3" or "5%" most likely stands for, as it is written
// here; "" if there is no telling. `whole`: a whole one is wanted.
std::string meant_number(std::string_view text, bool whole);

// Is this list, as written, as likely one number with commas in it? A blank behind the comma makes
// it a list for certain, and so does a decimal point.
//
//   0,003   1,024   1,000,000   0,01,0,03    a group of digits that begins with 0 is no number
//   0,5   1,5   2,25   1,5e-3                where decimals are wanted: a fraction of 0, or one
//   that
//                                            ends in 5, as halves and quarters do
//   1,536   1,234,567                        one digit, then groups of three, where whole ones are
//
// Others are lists: 0,1 of whole numbers, 1,2, 1,2,3, 64,128, 0.001,0.003, 1,1.25,2, 0,1e-3.
bool may_be_one_number(std::string_view list, bool whole);

// A list that is taken for one, though it could be 12500 ("12,500") or, with decimals, 1.2 ("1,2").
// Worth a word.
bool is_doubtful(std::string_view list, bool whole);

}  // namespace moesim::config
