/** The two families of names that published Whisper weights have; parameters bear those of Hugging Face. */

/** OpenAI's parts of a name, and what they are called here; of two that match, the earlier counts. */
const PARTS: readonly (readonly [openAi: RegExp, here: string])[] = [
  [/\bpositional_embedding$/, "embed_positions.weight"],
  [/\btoken_embedding\./, "embed_tokens."],
  [/\bblocks\./, "layers."],
  [/\bcross_attn_ln\./, "encoder_attn_layer_norm."],
  [/\bcross_attn\./, "encoder_attn."],
  [/\battn_ln\./, "self_attn_layer_norm."],
  [/\battn\./, "self_attn."],
  [/\bmlp_ln\./, "final_layer_norm."],
  [/\bmlp\.0\./, "fc1."],
  [/\bmlp\.2\./, "fc2."],
  [/\bln_post\./, "layer_norm."],
  [/^decoder\.ln\./, "decoder.layer_norm."],
  [/\bquery\./, "q_proj."],
  [/\bkey\./, "k_proj."],
  [/\bvalue\./, "v_proj."],
  [/\bout\./, "out_proj."],
];

/** A parameter's name for a tensor's, whichever family it is of. */
export function whisperName(name: string): string {
  const own = name.replace(/^model\./, "");
  return PARTS.reduce((renamed, [openAi, here]) => renamed.replace(openAi, here), own);
}
