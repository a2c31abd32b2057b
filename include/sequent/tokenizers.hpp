#pragma once

/// Tokenizers: the text of trained models to tokens and back, from the files that they are
/// published with. Included by name, not by sequent.hpp.

#include "prologue.hpp"

#include "tokenizers/chat.hpp"
#include "tokenizers/from_json.hpp"
#include "tokenizers/from_lists.hpp"
#include "tokenizers/from_llama2c.hpp"
#include "tokenizers/from_sentencepiece.hpp"
#include "tokenizers/tokenizer.hpp"

#include "epilogue.hpp"
