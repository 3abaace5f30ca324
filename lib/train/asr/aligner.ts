/**
 * Tells the encoder early where words are: from its features alone, the tokens of the text in their order have to be
 * read off (connectionist temporal classification). The decoder learns whom to listen to much sooner for it. Only training
 * has an aligner; the blank between tokens is the token that ends a text.
 */
import type { Value } from "../../graph/graph.js";
import { ctcLoss } from "../../graph/ops/index.js";
import type { WhisperConfig } from "../../models/whisper/index.js";
import { Linear, type Parameter, Scope } from "../../nn/index.js";

export class Aligner {
  readonly parameters: readonly Parameter[];
  private readonly head: Linear;

  constructor({ d_model, vocab_size }: WhisperConfig) {
    const scope = Scope.root();
    this.head = new Linear(scope.at("aligner"), d_model, vocab_size);
    this.parameters = scope.parameters;
  }

  /** Features (B, T, width), labels (B, L) with negative numbers behind. */
  loss(features: Value, labels: Value, blank: number): Value {
    return ctcLoss(this.head.forward(features), labels, blank);
  }
}
