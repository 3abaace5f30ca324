/** From what is asked of a decoder to the codebooks that take part. */
import { invalidArgument } from "../errors.js";
import type { ModelConfig } from "./config.js";
import type { DecodeSelection } from "./model-stages.js";
import type { DecodeChoice } from "./tokenizer-options.js";

/** @throws LmsptError ERR_LMSPT_INVALID_ARGUMENT */
export function decodeSelection({ mode = "full", codebooks }: DecodeChoice, config: ModelConfig): DecodeSelection {
  const { n_codebooks: all, n_semantic_codebooks: semantic } = config;
  const acoustic = all - semantic;
  if (!["full", "semantic", "acoustic", "aux"].includes(mode)) {
    throw invalidArgument("mode", '"full", "semantic", "acoustic" or "aux"', mode);
  }
  if (codebooks !== undefined) {
    if (mode !== "full") throw invalidArgument("codebooks", 'no value beside a mode other than "full"', codebooks);
    if (!Number.isInteger(codebooks) || codebooks < 1 || codebooks > all) {
      throw invalidArgument("codebooks", `an integer from 1 to ${all}`, codebooks);
    }
    const first = Math.min(codebooks, semantic);
    return { decoder: "main", semantic: first, acoustic: codebooks - first };
  }
  if (mode === "aux") return { decoder: "aux", semantic, acoustic: 0 };
  return {
    decoder: "main",
    semantic: mode === "acoustic" ? 0 : semantic,
    acoustic: mode === "semantic" ? 0 : acoustic,
  };
}
