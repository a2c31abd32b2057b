#pragma once

/// Tokenizers: convert text to the tokens of trained models and back, from the files published with
/// the models. sequent.hpp does not include this header.

#include "prologue.hpp"

#include "tokenizers/chat.hpp"
#include "tokenizers/from_json.hpp"
#include "tokenizers/from_lists.hpp"
#include "tokenizers/from_llama2c.hpp"
#include "tokenizers/from_sentencepiece.hpp"
#include "tokenizers/tokenizer.hpp"

#include "epilogue.hpp"
