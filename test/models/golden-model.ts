/** The small models of the reference vectors: their configuration translated, their weights assigned. */

import { Variable } from "../../lib/graph/variable.js";
import { type ModelConfig, parseConfig } from "../../lib/models/config.js";
import { LmSpt } from "../../lib/models/lmspt.js";
import { Golden } from "../golden.js";

export async function goldenModel(name: string): Promise<{ golden: Golden; model: LmSpt }> {
  const golden = await Golden.load(name);
  const model = new LmSpt(goldenConfig(golden.metadata.get("config")!));
  for (const parameter of model.parameters) {
    const key = `param.${parameter.name}`;
    parameter.assign(Variable.from(golden.floats(key), golden.shape(key)));
  }
  return { golden, model };
}

/** The reference's configuration in the public one's terms. */
export function goldenConfig(text: string): ModelConfig {
  const { codebook_dim, aux_channels, aux_rates, aux_rate, shared, causal, ...rest } = JSON.parse(text);
  return parseConfig({
    ...rest,
    semantic_codebook_dim: codebook_dim,
    acoustic_codebook_dim: codebook_dim,
    use_shared_encoder: shared ?? false,
    is_causal: causal ?? false,
    aux_decoder: { channels: aux_channels, rates: aux_rates, sample_rate: aux_rate },
  });
}
