// Guesses the number that a malformed text was meant to be ("0,003", "1_000", "5%"), for messages.
#pragma once

#include <string>
#include <string_view>

namespace moesim::config {

// The number that "0,003", "1_000", "+3", "1e3" or "5%" most likely means, in the syntax of
// configs; "" if that is unclear. `whole`: the option takes whole numbers.
std::string meant_number(std::string_view text, bool whole);

// True if this list, as written, may be one number with commas in it. A blank after the comma, or a
// decimal point, makes it a list for certain.
//
//   0,003   1,024   1,000,000   0,01,0,03    a group of digits that begins with 0
//   0,5   1,5   2,25   1,5e-3                decimals: 0 and a fraction, or a fraction that ends in
//                                            5, as halves and quarters do
//   1,536   1,234,567                        whole numbers: one digit, then groups of three
//
// All others are lists: 0,1 of whole numbers, 1,2, 1,2,3, 64,128, 0.001,0.003, 1,1.25,2, 0,1e-3.
bool may_be_one_number(std::string_view list, bool whole);

// True for a list that is read as a list although it could be 12500 ("12,500") or, with decimals,
// 1.2 ("1,2"). The program prints a note about it.
bool is_doubtful(std::string_view list, bool whole);

}  // namespace moesim::config
