/** The small Whisper encoder of the reference vectors, whose tensors have names of their own. */
import { Variable } from "../../../lib/graph/variable.js";
import { parseWhisperConfig, Whisper } from "../../../lib/models/whisper/index.js";
import type { Golden } from "../../golden.js";

/** `prefix` is what the names of the encoder's tensors begin with; `text` its configuration. */
export function goldenWhisper(golden: Golden, prefix: string, text: string): Whisper {
  const { n_mels, ctx, d, h, layers } = JSON.parse(text);
  const whisper = new Whisper(
    parseWhisperConfig({
      num_mel_bins: n_mels,
      max_source_positions: ctx,
      d_model: d,
      encoder_layers: layers,
      encoder_attention_heads: h,
    }),
    "encoder",
  );
  for (const parameter of whisper.parameters) {
    const key = `${prefix}.${goldenName(parameter.name)}`;
    parameter.assign(Variable.from(golden.floats(key), golden.shape(key)));
  }
  return whisper;
}

export function goldenName(name: string): string {
  return name
    .replace(/^encoder\./, "")
    .replace("embed_positions.weight", "pos")
    .replace("layers.", "blocks.")
    .replace("self_attn_layer_norm", "attn_ln")
    .replace("final_layer_norm", "mlp_ln")
    .replace(/^layer_norm/, "ln_post")
    .replace(/self_attn\.(\w+)_proj/, (_, part) => ({ q: "query", k: "key", v: "value", out: "out" })[part as "q"]!);
}
