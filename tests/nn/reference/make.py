"""Writes the reference values of the presets' tests: small models of Hugging Face's transformers with
random weights, in double precision, their outputs and gradients. The files are checked in; this needs
torch and transformers (written with 2.13.0 and 5.23.0).

    python make.py [NAME ...]

With --written FOLDER it writes nothing, but lets transformers load what the tests have written back
under its names (`SEQUENT_WRITTEN=FOLDER test_nn`), and compares the outputs with the checked-in ones.

For each preset there is NAME.safetensors with the weights, as the library saves them;
NAME.gradients.safetensors with the gradients under the same names; and NAME.values.safetensors with
the facts, the outputs, and the coefficients of the sum of outputs that was differentiated.
"""

import argparse
import copy
import json
import os
import pathlib
import shutil
import tempfile
import zlib

os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")

import torch
import transformers as hf
from safetensors.torch import load_file, save_file

parser = argparse.ArgumentParser()
parser.add_argument("--written", type=pathlib.Path, metavar="FOLDER")
parser.add_argument("names", nargs="*")
arguments = parser.parse_args()
written_folder = arguments.written
here = pathlib.Path(__file__).parent
torch.set_default_dtype(torch.float64)


def save_like_library(model, path):
    """The tensors under the names that the library gives them in files, as float."""
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        tensors = load_file(pathlib.Path(folder) / "model.safetensors")
    save_file({name: tensor.float().contiguous() for name, tensor in tensors.items()}, path)


def check_written(name, model, facts, outputs):
    """Loads the file that was written for this model, and compares outputs."""
    with tempfile.TemporaryDirectory() as folder:
        model.config.save_pretrained(folder)
        shutil.copy(written_folder / f"{name}.safetensors", pathlib.Path(folder) / "model.safetensors")
        loaded, report = type(model).from_pretrained(
            folder, dtype=torch.float64, output_loading_info=True
        )
    for kind in "missing_keys", "unexpected_keys", "mismatched_keys":
        if report[kind]:
            raise SystemExit(f"{name}: {kind} {report[kind]}")
    expected = load_file(here / f"{name}.values.safetensors")
    # Without the same random draws before, facts that are no symbols would be others.
    for key, tensor in facts.items():
        tensor.copy_(expected[key])
    for key, tensor in outputs(loaded.eval()).items():
        error = (tensor - expected[key]).abs().max() / expected[key].double().square().mean().sqrt()
        print(f"{name} {key}: largest difference {error:.1e} of the root mean square")
        if not error < 1e-5:
            raise SystemExit(f"{name}: {key} is another")


def write(name, model, facts, outputs):
    """`outputs` computes a dictionary of tensors from the model."""
    if arguments.names and name not in arguments.names:
        return
    if written_folder:
        return check_written(name, model, facts, outputs)
    torch.manual_seed(zlib.crc32(name.encode()))
    model = model.eval()
    with torch.no_grad():
        for parameter in model.parameters():
            # Gains and biases, too, that none is one or zero; rounded, that float holds them.
            parameter.copy_((0.4 * torch.randn_like(parameter)).float().double())
    save_like_library(model, here / f"{name}.safetensors")

    values = outputs(model)
    total = 0
    written = {key: tensor.to(torch.float32).contiguous() for key, tensor in facts.items()}
    for key, tensor in values.items():
        coefficients = torch.randn_like(tensor).float().double()
        total = total + (coefficients * tensor).sum()
        written[key] = tensor.detach().float().contiguous()
        written[key + ".coefficients"] = coefficients.float().contiguous()
    save_file(written, here / f"{name}.values.safetensors")

    total.backward()
    of_loss = copy.deepcopy(model)
    with torch.no_grad():
        for to, by in zip(of_loss.parameters(), model.parameters()):
            to.copy_(torch.zeros_like(to) if by.grad is None else by.grad)
    save_like_library(of_loss, here / f"{name}.gradients.safetensors")


tokens = torch.tensor([[3, 10, 2, 7, 7]])  # without 0, whose row BERT does not train
write(
    "gpt2",
    hf.GPT2LMHeadModel(hf.GPT2Config(vocab_size=11, n_positions=5, n_embd=8, n_layer=2, n_head=2)),
    {"token": tokens[0]},
    lambda model: {"logits": model(tokens).logits[0]},
)
write(
    "llama",
    hf.LlamaForCausalLM(
        hf.LlamaConfig(
            vocab_size=11, hidden_size=16, intermediate_size=12, num_hidden_layers=2,
            num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=5,
            rms_norm_eps=1e-5,
        )
    ),
    {"token": tokens[0]},
    lambda model: {"logits": model(tokens).logits[0]},
)

write(
    "qwen2",
    hf.Qwen2ForCausalLM(
        hf.Qwen2Config(
            vocab_size=11, hidden_size=16, intermediate_size=12, num_hidden_layers=2,
            num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=5,
            tie_word_embeddings=True,
        )
    ),
    {"token": tokens[0]},
    lambda model: {"logits": model(tokens).logits[0]},
)

segments = torch.tensor([[0, 0, 1, 1, 1]])
mask = torch.tensor([[1, 1, 1, 1, 0]])
bert = hf.BertConfig(
    vocab_size=11, hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=12,
    max_position_embeddings=5,
)


def of_bert(model):
    result = model(tokens, attention_mask=mask, token_type_ids=segments)
    return {"layers": result.last_hidden_state[0], "pooled": result.pooler_output[0]}


write("bert", hf.BertModel(bert), {"token": tokens[0], "segment": segments[0]}, of_bert)
write(
    "bert_masked_language",
    hf.BertForMaskedLM(bert),
    {"token": tokens[0], "segment": segments[0]},
    lambda model: {
        "logits": model(tokens, attention_mask=mask, token_type_ids=segments).logits[0]
    },
)

write(
    "roberta",
    hf.RobertaForMaskedLM(
        hf.RobertaConfig(
            vocab_size=11, hidden_size=8, num_hidden_layers=2, num_attention_heads=2,
            intermediate_size=12, max_position_embeddings=7, type_vocab_size=1, layer_norm_eps=1e-5,
        )
    ),
    {"token": tokens[0]},
    lambda model: {"logits": model(tokens, attention_mask=mask).logits[0]},
)
write(
    "distilbert",
    hf.DistilBertForMaskedLM(
        hf.DistilBertConfig(
            vocab_size=11, dim=8, n_layers=2, n_heads=2, hidden_dim=12, max_position_embeddings=5
        )
    ),
    {"token": tokens[0]},
    lambda model: {"logits": model(tokens, attention_mask=mask).logits[0]},
)

torch.manual_seed(1)
image = torch.randn(1, 2, 8, 12).float().double()
patches = image[0].unfold(1, 4, 4).unfold(2, 4, 4).permute(1, 2, 0, 3, 4).reshape(6, 32)
write(
    "vit",
    hf.ViTForImageClassification(
        hf.ViTConfig(
            image_size=(8, 12), patch_size=4, num_channels=2, hidden_size=8, num_hidden_layers=2,
            num_attention_heads=2, intermediate_size=12, num_labels=3, layer_norm_eps=1e-6,
        )
    ),
    {"patch": patches},
    lambda model: {
        "logits": model(
            patches.reshape(2, 3, 2, 4, 4).permute(2, 0, 3, 1, 4).reshape(1, 2, 8, 12)
        ).logits[0]
    },
)

write(
    "dinov2",
    hf.Dinov2Model(
        hf.Dinov2Config(
            image_size=8, patch_size=4, num_channels=2, hidden_size=8, num_hidden_layers=2,
            num_attention_heads=2, mlp_ratio=2, use_mask_token=False,
        )
    ),
    {"patch": patches[[0, 1, 3, 4]]},
    lambda model: {"pooled": model(image[:, :, :, :8]).pooler_output[0]},
)

source = torch.tensor([[4, 2, 9, 9, 1, 5, 8]])
source_mask = torch.tensor([[1, 1, 1, 1, 1, 1, 0]])
for name, options in {
    "t5": {},
    "t5_gated": {"feed_forward_proj": "gated-gelu"},
}.items():
    write(
        name,
        hf.T5ForConditionalGeneration(
            hf.T5Config(
                vocab_size=11, d_model=8, d_kv=3, d_ff=12, num_layers=2, num_heads=2,
                relative_attention_num_buckets=8, relative_attention_max_distance=6, **options,
            )
        ),
        {"source": source[0], "target": tokens[0]},
        lambda model: {
            "logits": model(
                input_ids=source, attention_mask=source_mask, decoder_input_ids=tokens
            ).logits[0]
        },
    )

# Frames as the library takes them: one after another, two for each position of the encoder.
frames = torch.randn(4, 2, 3, generator=torch.Generator().manual_seed(2)).float().double()
write(
    "whisper",
    hf.WhisperForConditionalGeneration(
        hf.WhisperConfig(
            vocab_size=11, num_mel_bins=3, d_model=8, encoder_layers=2, decoder_layers=2,
            encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=12,
            decoder_ffn_dim=12, max_source_positions=4, max_target_positions=5, pad_token_id=0,
            bos_token_id=1, eos_token_id=1, decoder_start_token_id=1,
        )
    ),
    {"source": frames, "target": tokens[0]},
    lambda model: {
        "logits": model(
            input_features=frames.reshape(1, 8, 3).transpose(1, 2), decoder_input_ids=tokens
        ).logits[0]
    },
)


def write_family(name, family, task="ForCausalLM", **config):
    """A model whose configuration has the usual names, and its logits."""
    options = dict(
        vocab_size=11, hidden_size=8, intermediate_size=12, num_hidden_layers=2,
        num_attention_heads=2, max_position_embeddings=5,
    )
    call = {} if task == "ForCausalLM" else {"attention_mask": mask}
    kind = getattr(hf, family + task)
    write(
        name,
        kind(kind.config_class(**{**options, **config})),
        {"token": tokens[0]},
        lambda model: {"logits": model(tokens, **call).logits[0]},
    )


def rotary(base, **others):
    return {"rope_type": "default", "rope_theta": float(base), **others}


write_family("qwen3", "Qwen3", num_key_value_heads=1, head_dim=6, tie_word_embeddings=True,
             rope_parameters=rotary(1000000))
write_family(
    "llama3", "Llama", hidden_size=16, num_key_value_heads=1, rms_norm_eps=1e-5,
    tie_word_embeddings=True,
    rope_parameters=rotary(
        100, rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
        original_max_position_embeddings=32,
    ),
)
local, full = "sliding_attention", "full_attention"
write_family(
    "gemma2", "Gemma2", num_key_value_heads=1, head_dim=4, sliding_window=2,
    layer_types=[local, full], query_pre_attn_scalar=9, attn_logit_softcapping=3.0,
    final_logit_softcapping=2.0, rope_parameters=rotary(10000),
)
write_family(
    "gemma3", "Gemma3", num_key_value_heads=1, head_dim=4, num_hidden_layers=4,
    sliding_window=2, layer_types=[local, local, full, local], query_pre_attn_scalar=9,
    rope_parameters={local: rotary(10000), full: rotary(1000000)},
)
write_family("gpt_neox", "GPTNeoX", hidden_size=16,
             rope_parameters=rotary(10000, partial_rotary_factor=0.25))
write_family("phi", "Phi",
             rope_parameters=rotary(10000, partial_rotary_factor=0.5))
write_family("mistral", "Mistral", num_key_value_heads=1, sliding_window=2,
             rms_norm_eps=1e-5, rope_parameters=rotary(10000))
write_family("phi3", "Phi3", hidden_size=16, num_key_value_heads=1, rms_norm_eps=1e-5,
             pad_token_id=0, rope_parameters=rotary(10000))
write_family("starcoder2", "Starcoder2", num_key_value_heads=1, sliding_window=3,
             norm_epsilon=1e-5, rope_parameters=rotary(100000))
write_family("codegen", "CodeGen", hidden_size=32, num_attention_heads=4, n_inner=12, rotary_dim=4)
write_family("bloom", "Bloom", n_layer=2, n_head=2)
write_family("opt", "OPT", ffn_dim=12, word_embed_proj_dim=8)
write_family(
    "modernbert", "ModernBert", "ForMaskedLM", num_hidden_layers=4, local_attention=4,
    pad_token_id=0, bos_token_id=1, eos_token_id=1, cls_token_id=1, sep_token_id=1,
    rope_parameters={local: rotary(10000), full: rotary(160000)},
)
write_family("albert", "Albert", "ForMaskedLM", num_hidden_layers=3, embedding_size=6)
write_family("mpnet", "MPNet", "ForMaskedLM", max_position_embeddings=7,
             relative_attention_num_buckets=32)
write(
    "clip_text",
    hf.CLIPTextModel(
        hf.CLIPTextConfig(
            vocab_size=11, hidden_size=8, intermediate_size=12, num_hidden_layers=2,
            num_attention_heads=2, max_position_embeddings=5, eos_token_id=7, bos_token_id=1,
        )
    ),
    {"token": tokens[0]},
    lambda model: {"pooled": model(tokens).pooler_output[0]},
)

for path in sorted(here.glob("*.safetensors")):
    if path.name.count(".") == 1 and not written_folder:
        print(path.name, json.dumps(sorted(load_file(path))))
